// The REST API of the server as types: the shapes of internal/wire and the
// routes of /api/v1, in the form that openapi-typescript makes from the
// server's own description, so that a generated file can take this one's place.
//
// Times are milliseconds since 1970 UTC, sizes are bytes, ids 26 characters.

export type Role = "owner" | "admin" | "auditor" | "member" | "guest";
export type Theme = "system" | "light" | "dark";
export type SignupPolicy = "open" | "domains" | "closed";
export type Power = "own_space" | "share_content" | "read_people" | "manage_people" | "set_policy" | "make_admins";
export type Access = "view" | "edit" | "manage" | "owner";
export type IfExists = "fail" | "keep_both" | "version" | "merge";
export type Sort = "name" | "changed" | "size";
export type PreviewKind = "image" | "text" | "audio" | "video" | "pdf";

export interface Instance {
  organisation: string;
  host: string;
  setup_needed: boolean;
  signup: SignupPolicy;
  domains: string[] | null;
  version: string;
}
export interface Setup {
  code: string;
  name: string;
  email: string;
  password: string;
  organisation: string;
  signup: SignupPolicy;
  domains?: string[];
}
export interface Settings {
  organisation?: string;
  signup?: SignupPolicy;
  domains?: string[];
}
export interface Signup {
  name: string;
  email: string;
  password: string;
}
export interface SignupPending {
  email: string;
  code_until: number;
  link_until: number;
  resend_at: number;
}
export interface SignupAddress {
  email: string;
}
export interface Confirm {
  code?: string;
  token?: string;
}
export interface Confirmed {
  email: string;
  me?: Me;
}
export interface MailToken {
  token: string;
}
export interface SignupInfo {
  email: string;
  created_at: number;
  address: string;
}
export interface Login {
  email: string;
  password: string;
}
export interface Me {
  id: string;
  email: string;
  name: string;
  role: Role;
  theme: Theme;
  language: string;
  created_at: number;
  session_id?: string;
  token_id?: string;
  powers: Power[] | null;
}
export interface MePatch {
  name?: string;
  theme?: Theme;
  language?: string;
}
export interface PasswordChange {
  current: string;
  new: string;
}
export interface PasswordForgot {
  email: string;
}
export interface PasswordReset {
  token: string;
  password: string;
}
export interface Session {
  id: string;
  current: boolean;
  user_agent: string;
  browser: string;
  address: string;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
}
export interface Token {
  id: string;
  current: boolean;
  name: string;
  last4: string;
  scopes: string[];
  address: string;
  created_at: number;
  last_used_at: number;
  expires_at: number;
}
export interface List<T> {
  items: T[];
  next?: string;
  total: number;
}
export interface Space {
  id: string;
  kind: "personal";
  name: string;
  root_id: string;
  used: number;
  reserved: number;
  quota?: number;
}
export interface Person {
  id: string;
  name: string;
}
export interface Crumb {
  id: string;
  name: string;
}
export interface Node {
  id: string;
  space_id: string;
  parent_id?: string;
  kind: "folder" | "file";
  name: string;
  size: number;
  child_count: number;
  media_type?: string;
  preview?: PreviewKind;
  version_id?: string;
  rev: number;
  created_at: number;
  changed_at: number;
  created_by?: Person;
  changed_by?: Person;
  access: Access;
  path?: Crumb[];
  sha256?: string;
  version_number?: number;
}
export interface NodePatch {
  name?: string;
  parent_id?: string;
}
export interface NewFolder {
  name: string;
}
export interface Copy {
  parent_id: string;
  name?: string;
}
export interface TrashItem {
  node: Node;
  trashed_at: number;
  trashed_by?: Person;
  purge_at: number;
  where: Crumb[] | null;
  parent_gone: boolean;
}
export interface Restore {
  parent_id?: string;
}
export interface Batch {
  op: "move" | "copy" | "trash" | "restore" | "delete";
  ids: string[];
  to?: string;
  if_exists?: IfExists;
}
export interface BatchResult {
  id: string;
  node?: Node;
  problem?: Problem;
}
export interface BatchResults {
  results: BatchResult[];
}
export interface CheckResult {
  name: string;
  problem?: Problem;
}
export interface Problem {
  type: string;
  status: number;
  title: string;
  detail: string;
  code: string;
  ref: string;
  fields?: Record<string, string>;
  suggestion?: string;
  existing?: string;
}

/** One operation as openapi-typescript writes it. */
type Op<Answer = undefined, Body = undefined, Path = undefined, Query = undefined, Header = undefined> = {
  parameters: { query?: Query; header?: Header; cookie?: never } & ([Path] extends [undefined] ? { path?: never } : { path: Path });
  responses: {
    200: [Answer] extends [undefined] ? { content?: never } : { content: { "application/json": Answer } };
    default: { content: { "application/problem+json": Problem } };
  };
} & ([Body] extends [undefined] ? { requestBody?: never } : { requestBody: { content: { "application/json": Body } } });
type Id = { id: string };
type IfMatch = { "If-Match"?: string };
type Clash<K extends IfExists> = { if_exists?: K };

export interface ChildrenQuery {
  limit?: number;
  sort?: Sort;
  order?: "asc" | "desc";
  from?: "end";
  cursor?: string;
  q?: string;
}

/** The routes below /api/v1. Bodies that are bytes (uploads, contents, ZIP) are not here: they go by XMLHttpRequest or as addresses. */
export interface paths {
  "/instance": { get: Op<Instance> };
  "/setup": { post: Op<Me, Setup> };
  "/signup": { get: Op<SignupPending>; post: Op<SignupPending, Signup>; patch: Op<SignupPending, SignupAddress> };
  "/signup/resend": { post: Op<SignupPending> };
  "/signup/confirm": { post: Op<Confirmed, Confirm> };
  "/signup/inspect": { post: Op<SignupInfo, MailToken> };
  "/session": { get: Op<Me>; post: Op<Me, Login>; delete: Op };
  "/sessions": { get: Op<List<Session>>; delete: Op };
  "/sessions/{id}": { delete: Op<undefined, undefined, Id> };
  "/tokens": { get: Op<List<Token>> };
  "/tokens/{id}": { delete: Op<undefined, undefined, Id> };
  "/password": { put: Op<undefined, PasswordChange> };
  "/password/forgot": { post: Op<undefined, PasswordForgot> };
  "/password/reset": { post: Op<undefined, PasswordReset> };
  "/me": { patch: Op<Me, MePatch> };
  "/settings": { get: Op<Settings>; patch: Op<Settings, Settings> };
  "/spaces": { get: Op<List<Space>> };
  "/nodes/{id}": {
    get: Op<Node, undefined, Id>;
    patch: Op<Node, NodePatch, Id, Clash<"fail" | "keep_both" | "version">, IfMatch>;
    delete: Op<undefined, undefined, Id, undefined, IfMatch>;
  };
  "/nodes/{id}/children": { get: Op<List<Node>, undefined, Id, ChildrenQuery> };
  "/nodes/{id}/check": { post: Op<{ results: CheckResult[] }, { files: { name: string; size: number }[] }, Id> };
  "/nodes/{id}/folders": { post: Op<Node, NewFolder, Id, Clash<"fail" | "keep_both" | "merge">> };
  "/nodes/{id}/copy": { post: Op<Node, Copy, Id, Clash<IfExists>> };
  "/resolve": { get: Op<Node, undefined, undefined, { path: string; space?: string }> };
  "/trash": { get: Op<List<TrashItem>, undefined, undefined, { limit?: number; cursor?: string }>; delete: Op };
  "/trash/{id}": { delete: Op<undefined, undefined, Id> };
  "/trash/{id}/restore": { post: Op<Node, Restore, Id> };
  "/batch": { post: Op<BatchResults, Batch> };
}
