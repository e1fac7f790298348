import { expect, it } from "vitest";
import { filterQuery, readFilters } from "../../src/activity/filters";
import { reachChange, sentence, type Happening } from "../../src/activity/sentence";
import { endOfDay, inTab } from "../../src/links/outside";

const me = "me";
const tomas = { kind: "user", id: "tomas", name: "Tomas Halden" };
const node = { id: "n", name: "Agreement v7.docx", kind: "file" as const };
const event = (action: string, more: Partial<Happening> = {}): Happening => ({ id: 1, at: 0, action, actor: tomas, node, outside: false, count: 1, ...more });
const plain = (e: Happening, inside?: string): string => sentence(e, me, inside).replace(/[\u2068\u2069]/g, "");

it("says what happened to one thing as the brief does", () => {
  const you = { kind: "user", id: me, name: "Anna Roe" };
  expect(plain(event("file.uploaded", { actor: you, version: 7 }), "n")).toBe("You uploaded version 7");
  expect(plain(event("node.renamed", { before: { name: "Agreement v6.docx" }, after: { name: "Agreement v7.docx" } }), "n")).toBe("Tomas Halden renamed it from “Agreement v6.docx”");
  expect(plain(event("link.downloaded", { actor: { kind: "link", id: "l", name: "For Maria Lindqvist" }, outside: true }), "n")).toBe("Link “For Maria Lindqvist” downloaded it");
  expect(plain(event("link.refused", { actor: { kind: "link", id: "l", name: "For Maria Lindqvist" }, count: 3, outside: true }), "n")).toBe("Someone tried the link “For Maria Lindqvist” with a wrong password, 3 times");
  expect(plain(event("space.handed_over", { actor: { ...tomas, name: "Elsa Kvist" }, before: { owner: "Jonas" }, after: { owner: "Mia Berg" } }), "n")).toBe("Elsa Kvist (administrator) handed it over to Mia Berg");
  expect(plain(event("file.opened", { count: 14 }), "n")).toBe("Tomas Halden opened it 14 times");
  expect(plain(event("link.made", { actor: you, after: { password: true }, outside: true }), "n")).toBe("You made a public link with a password to it");
});

it("names the thing where many are told of, and never guesses who came by a link", () => {
  expect(plain(event("file.opened"))).toBe("Tomas Halden opened “Agreement v7.docx”");
  expect(plain(event("file.uploaded", { version: 2 }))).toBe("Tomas Halden uploaded version 2 of “Agreement v7.docx”");
  expect(plain(event("file.uploaded", { version: 1 }))).toBe("Tomas Halden uploaded “Agreement v7.docx”");
  expect(plain(event("node.moved", { before: { folder: "Drafts" }, after: { folder: "Signed" } }))).toBe("Tomas Halden moved “Agreement v7.docx” from “Drafts” to “Signed”");
  expect(plain(event("node.moved", {}))).toBe("Tomas Halden moved “Agreement v7.docx”");
  expect(plain(event("link.opened", { actor: { kind: "link", id: "l" } }))).toBe("A link opened “Agreement v7.docx”");
  expect(plain(event("node.deleted", { actor: { kind: "user", id: "gone" } }))).toBe("Somebody who is gone deleted “Agreement v7.docx” for ever");
  expect(plain(event("grant.given", { about: { kind: "user", id: me, name: "Anna Roe" }, after: { role: "edit" } }))).toBe("Tomas Halden gave you access to “Agreement v7.docx” (can edit)");
  expect(plain(event("grant.changed", { about: { kind: "group", id: "g", name: "Deal team" }, before: { role: "view" }, after: { role: "manage" } }))).toBe(
    "Tomas Halden changed access to “Agreement v7.docx” of the group Deal team: can view, now can manage",
  );
  expect(plain(event("something.new"))).toBe("Tomas Halden changed something about “Agreement v7.docx”");
});

it("keeps names apart from the sentence, whatever is in them", () => {
  expect(sentence(event("file.opened", { actor: { ...tomas, name: "x\u2069 deleted \u202e" } }), me, "n")).toBe("\u2068x deleted \u2069 opened it");
});

it("shows before and after where more or fewer can open something", () => {
  expect(reachChange(event("grant.given", { before: { people: 1 }, after: { people: 6, role: "view" } }))).toEqual({ before: { reach: "you", words: "one person" }, after: { reach: "people", words: "6 people" } });
  expect(reachChange(event("grant.given", { before: { people: 6 }, after: { people: 6 } }))).toBeUndefined();
  expect(reachChange(event("file.opened"))).toBeUndefined();
});

it("keeps the filters in the address", () => {
  const filters = readFilters(new URLSearchParams("person=p&kind=shared&outside=true&node=n&x=1"));
  expect(filterQuery(filters)).toEqual({ person: "p", kind: "shared", outside: "true", node: "n" });
  expect(filterQuery(readFilters(new URLSearchParams("kind=rubbish&outside=1")))).toEqual({});
});

it("puts links and requests under their tabs", () => {
  const now = new Date(2026, 10, 23, 12).getTime();
  const in3 = now + 3 * 86_400_000;
  expect(inTab({ id: "", state: "live", ends_at: null }, "live", now)).toBe(true);
  expect(inTab({ id: "", state: "live", ends_at: null }, "ending", now)).toBe(false);
  expect(inTab({ id: "", state: "live", ends_at: in3 }, "ending", now)).toBe(true);
  expect(inTab({ id: "", state: "off", ends_at: in3 }, "ending", now)).toBe(false);
  expect(inTab({ id: "", state: "used_up", ends_at: null }, "over", now)).toBe(true);
  expect(endOfDay("2026-11-23", now)).toBe(new Date(2026, 10, 23, 23, 59, 59).getTime());
  expect(endOfDay("2026-11-22", now)).toBeUndefined();
  expect(endOfDay("", now)).toBeUndefined();
});
