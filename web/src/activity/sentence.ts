import type { Activity } from "../api/types";
import { fmt, iso } from "../i18n";
import { w } from "../i18n/trail";

export type Happening = Activity["items"][number];

const m = w.activity;
const said = m.said;

/**
 * What happened as one sentence; names in it are marked for <Said>, the first
 * is who did it. me: id of who reads. in: id of the thing whose trail it is,
 * which is then called "it".
 */
export function sentence(e: Happening, me: string, inside?: string): string {
  const who = iso(actor(e, me));
  const it = inside !== undefined && e.node.id === inside ? m.it : quoted(e.node.name || m.ownFiles, e.node.name !== "");
  const its = it === m.it;
  const many = e.count > 1 ? fmt.plural(e.count, m.times) : "";
  const version = e.version ? fmt.number(e.version) : "";
  const about = e.about;
  const whom = about ? (about.id === me ? m.yourself : about.kind === "group" ? m.aGroup(iso(about.name ?? "")) : iso(about.name || m.somebody)) : "";
  const link = about?.name ? m.theLink(quoted(about.name)) : m.publicLink;
  const request = about?.name ? m.theRequest(quoted(about.name)) : m.fileRequest;
  const before = (e.before ?? {}) as Record<string, unknown>;
  const after = (e.after ?? {}) as Record<string, unknown>;
  const text = (value: unknown): string => quoted(String(value));

  switch (e.action) {
    case "file.opened":
    case "link.opened":
      return many ? said.openedTimes(who, it, many) : said.opened(who, it);
    case "link.downloaded":
    case "node.zipped":
      return many ? said.downloadedTimes(who, it, many) : said.downloaded(who, it);
    case "file.uploaded":
      if (!e.version || e.version < 2) return said.uploadedFirst(who, it);
      return its ? said.uploadedItsVersion(who, version) : said.uploadedVersion(who, it, version);
    case "folder.created":
      return its ? said.madeIt(who) : said.madeFolder(who, it);
    case "node.renamed":
      return its ? said.renamed(who, text(before.name)) : said.renamedTo(who, text(before.name), text(after.name));
    case "node.moved":
      if (before.folder && after.folder) return said.movedFromTo(who, it, text(before.folder), text(after.folder));
      return after.folder ? said.movedTo(who, it, text(after.folder)) : said.moved(who, it);
    case "node.copied":
      return said.copied(who, it);
    case "version.restored":
      return said.restoredVersion(who, it, version);
    case "version.kept":
      return after.keep === false ? said.unkeptVersion(who, it, version) : said.keptVersion(who, it, version);
    case "version.deleted":
      return said.deletedVersion(who, it, version);
    case "space.created":
      return e.node.name ? said.madeSpace(who, it) : said.madeOwn(who);
    case "space.renamed":
      return said.renamedSpace(who, it);
    case "space.handed_over":
      return said.handedOver(who, it, iso(String(after.owner ?? "")));
    case "node.trashed":
      return said.trashed(who, it);
    case "node.restored":
      return said.restored(who, it);
    case "node.deleted":
      return said.deleted(who, it);
    case "grant.given":
      return said.gave(who, it, whom, role(after.role));
    case "grant.changed":
      return before.role === after.role ? said.changedEnd(who, it, whom) : said.changedAccess(who, it, whom, role(before.role), role(after.role));
    case "grant.taken":
      return said.took(who, it, whom);
    case "grant.left":
      return said.left(who, it);
    case "grant.asked":
      return said.asked(who, it);
    case "link.made":
      return after.password === true ? said.linkMadePassword(who, it, link) : said.linkMade(who, it, link);
    case "link.changed":
      return said.linkChanged(who, it, link);
    case "link.turned_off":
      return said.linkOff(who, it, link);
    case "link.turned_on":
      return said.linkOn(who, it, link);
    case "link.deleted":
      return said.linkDeleted(who, it, link);
    case "link.recipient_added":
      return after.recipient ? said.recipientAdded(who, it, link, iso(String(after.recipient))) : said.recipientsChanged(who, it, link);
    case "link.recipient_removed":
      return before.recipient ? said.recipientRemoved(who, it, link, iso(String(before.recipient))) : said.recipientsChanged(who, it, link);
    case "link.refused":
      return many ? said.linkRefusedTimes(visited(e), many) : said.linkRefused(visited(e));
    case "link.reported":
      return said.linkReported(visited(e));
    case "request.reported":
      return said.linkReported(iso(unmarked(request)));
    case "request.refused":
      return many ? said.linkRefusedTimes(iso(unmarked(request)), many) : said.linkRefused(iso(unmarked(request)));
    case "request.made":
      return said.requestMade(who, it, request);
    case "request.changed":
      return said.requestChanged(who, it, request);
    case "request.turned_off":
      return said.requestOff(who, it, request);
    case "request.deleted":
      return said.requestDeleted(who, it, request);
    case "request.turned_on":
      return said.requestOn(who, it, request);
  }
  return said.other(who, it);
}

/** Who did it: a person, or the link by which somebody came, never a guess at who that was. */
function actor(e: Happening, me: string): string {
  const { kind, id, name } = e.actor;
  switch (kind) {
    case "user":
      return id === me ? m.you : name || m.somebody;
    case "system":
      return m.server;
    case "request":
      return name ? m.request(name) : m.aRequest;
    case "recipient":
      return name ? m.recipient(name) : m.aLink;
  }
  return name ? m.link(name) : m.aLink;
}

/** The link that was tried: of a visitor who is not in yet only the link is known. */
function visited(e: Happening): string {
  const name = e.about?.name || e.actor.name;
  return iso(name ? m.theLink(`“${name}”`) : m.publicLink);
}

const unmarked = (text: string): string => text.replace(/[\u2068\u2069]/g, "");

function role(value: unknown): string {
  return m.role[String(value)] ?? "";
}

function quoted(name: string, quotes = true): string {
  return iso(quotes ? `“${name}”` : name);
}

/** Who can open it before and after an act of sharing, in words, and which glyph stands for that. */
export interface Reached {
  reach: "you" | "people" | "link";
  words: string;
}

export function reachChange(e: Happening): { before: Reached; after: Reached } | undefined {
  const fields = (of: unknown): Record<string, unknown> => (of ?? {}) as Record<string, unknown>;
  const [was, is] = [fields(e.before), fields(e.after)];
  const here: Reached = { reach: "people", words: m.reach.here };
  const outside = (terms: Record<string, unknown>): Reached => ({ reach: "link", words: terms.password === true ? m.reach.linkPassword : m.reach.link });
  switch (e.action) {
    case "link.made":
      return e.after ? { before: here, after: outside(is) } : undefined;
    case "link.turned_on":
      return e.after ? { before: here, after: outside(is) } : undefined;
    case "link.turned_off":
    case "link.deleted":
      return e.before && was.off !== true ? { before: outside(was), after: here } : undefined;
    case "request.made":
    case "request.turned_on":
      return e.after ? { before: here, after: { reach: "link", words: m.reach.request } } : undefined;
    case "request.turned_off":
    case "request.deleted":
      return e.before && was.off !== true ? { before: { reach: "link", words: m.reach.request }, after: here } : undefined;
  }
  if (typeof was.people !== "number" || typeof is.people !== "number" || was.people === is.people) return undefined;
  const one = (n: number): Reached => ({ reach: n === 1 ? "you" : "people", words: fmt.plural(n, m.reach.people) });
  return { before: one(was.people), after: one(is.people) };
}

/** One thing that an act changed, in words. */
export interface Changed {
  what: string;
  before: string;
  after: string;
}

// What the sentences say themselves.
const told: Record<string, readonly string[]> = {
  "grant.changed": ["role"],
  "node.renamed": ["name"],
  "node.moved": ["folder"],
  "space.handed_over": ["owner"],
  "version.kept": ["keep"],
  "link.turned_off": ["off"],
  "link.turned_on": ["off"],
};

/** What else was different after an act than before, where both are told. */
export function changes(e: Happening): Changed[] {
  if (!e.before || !e.after) return [];
  const [before, after] = [e.before as Record<string, unknown>, e.after as Record<string, unknown>];
  return Object.entries(m.terms)
    .filter(([key]) => !told[e.action]?.includes(key) && JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map(([key, what]) => ({ what, before: term(key, before[key]), after: term(key, after[key]) }));
}

function term(key: string, value: unknown): string {
  if (key === "ends_at" || key === "until") return typeof value === "number" ? fmt.when(value) : m.term.never;
  if (value === undefined || value === "") return key === "types" || key === "title" ? m.term.any : m.term.none;
  if (key === "role") return role(value);
  if (key === "may") return m.term.may[String(value)] ?? "";
  if (typeof value === "boolean") return value ? m.term.yes : m.term.no;
  if (typeof value === "number") return key === "max_bytes" ? fmt.size(value) : fmt.number(value);
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** Where the version, the link or the access that an event is about can be looked at, and what that is called. */
export function leadsTo(e: Happening): { href: string; words: string } | undefined {
  const { id, kind, parent_id: parent } = e.node;
  const noun = e.action.split(".")[0];
  if (noun === "request") return e.action === "request.deleted" ? undefined : { href: "/requests", words: m.go.request };
  if (!id) return undefined;
  const at = (open: string): string | undefined => (kind === "folder" ? `/files/${id}?open=${open}` : parent ? `/files/${parent}?show=${id}&open=${open}` : undefined);
  const to = (open: string, words: string) => ((href) => (href ? { href, words } : undefined))(at(open));
  if (noun === "link") return e.action === "link.deleted" ? undefined : to("share", m.go.link);
  if (noun === "grant") return to("share", m.go.access);
  return e.version && e.action !== "version.deleted" ? to("details", m.go.version(fmt.number(e.version))) : undefined;
}
