// The shapes of the REST API under short names. They are made from the server's
// description (scripts/api.mjs), so a change there that this side has not
// followed does not compile.
//
// Times are milliseconds since 1970 UTC, sizes are bytes, ids 26 characters.
import type { components, operations, paths as generated } from "./openapi.gen";

type Schemas = components["schemas"];

/** The routes below /api/v1. */
export type paths = generated;

export type Instance = Schemas["Instance"];
export type Settings = Schemas["Settings"];
export type SignupPending = Schemas["SignupPending"];
export type SignupInfo = Schemas["SignupInfo"];
export type InvitationInfo = Schemas["InvitationInfo"];
export type Invitation = Schemas["Invitation"];
export type Account = Schemas["Account"];
export type Me = Schemas["Me"];
export type Session = Schemas["Session"];
export type Token = Schemas["Token"];
export type Space = Schemas["Space"];
export type Person = Schemas["Person"];
export type Crumb = Schemas["Crumb"];
export type Node = Schemas["Node"];
export type TrashItem = Schemas["TrashItem"];
export type Notice = Schemas["Notice"];
export type NoticeSettings = Schemas["NoticeSettings"];
export type Recent = Schemas["Recent"];
export type UnfinishedUpload = Schemas["Upload"];
export type Ticket = Schemas["Ticket"];
export type Version = Schemas["Version"];
export type Batch = Schemas["Batch"];
export type BatchResult = Schemas["BatchResult"];
export type CheckResult = Schemas["CheckResult"];
export type Job = Schemas["Job"];
export type Answer = Schemas["Answer"];
export type Found = Schemas["Found"];
export type Grant = Schemas["Grant"];
export type Group = Schemas["Group"];
export type Member = Schemas["Member"];
export type Sharing = Schemas["Sharing"];
export type Link = Schemas["Link"];
export type NewLink = Schemas["NewLink"];
export type Receipt = Schemas["Receipt"];
export type LinkPatch = Schemas["LinkPatch"];
export type SharedItem = Schemas["SharedItem"];
export type Team = Schemas["Team"];
export type BatchResults = Schemas["BatchResults"];
export type Problem = Schemas["Problem"];
export type Activity = Schemas["Activity"];
export type FileRequest = Schemas["FileRequest"];
export type Policy = Schemas["Policy"];

export type SignupPolicy = Instance["signup"];
export type Role = Me["role"];
export type Theme = Me["theme"];
export type Access = Node["access"];
export type PreviewKind = NonNullable<Node["preview"]>;
export type IfExists = NonNullable<Batch["if_exists"]>;
export type ChildrenQuery = NonNullable<operations["listChildren"]["parameters"]["query"]>;
export type SearchQuery = NonNullable<operations["search"]["parameters"]["query"]>;
export type ActivityQuery = NonNullable<operations["listActivity"]["parameters"]["query"]>;
export type ActivityKind = NonNullable<ActivityQuery["kind"]>;
export type SearchKind = NonNullable<SearchQuery["kind"]>;
export type Sort = NonNullable<ChildrenQuery["sort"]>;

/** What a role may do, as told in Me.powers. */
export type Power = "own_space" | "share_content" | "read_people" | "manage_people" | "set_policy" | "make_admins";

/** Every list's answer; next is given back as the query parameter "cursor". */
export interface List<T> {
  items: T[];
  next?: string;
  total: number;
}
