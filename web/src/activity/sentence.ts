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
      return said.keptVersion(who, it, version);
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
    case "link.refused":
      return many ? said.linkRefusedTimes(visited(e), many) : said.linkRefused(visited(e));
    case "link.reported":
      return said.linkReported(visited(e));
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

/** How many can open it before and after an act of sharing, in words, and which glyph stands for that. */
export interface Reached {
  reach: "you" | "people" | "link";
  words: string;
}

export function reachChange(e: Happening): { before: Reached; after: Reached } | undefined {
  const count = (of: unknown): number | undefined => (typeof of === "number" ? of : undefined);
  const before = count((e.before as Record<string, unknown> | undefined)?.people);
  const after = count((e.after as Record<string, unknown> | undefined)?.people);
  if (before === undefined || after === undefined || before === after) return undefined;
  const one = (n: number): Reached => ({ reach: n === 1 ? "you" : "people", words: fmt.plural(n, m.reach.people) });
  return { before: one(before), after: one(after) };
}
