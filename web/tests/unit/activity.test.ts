import { expect, it } from "vitest";
import { filterQuery, readFilters } from "../../src/activity/filters";
import { changes, leadsTo, reachChange, sentence, type Happening } from "../../src/activity/sentence";
import { inTab } from "../../src/links/outside";

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

it("shows what lets people outside in as the ring that is open", () => {
  const here = { reach: "people", words: "People here" };
  const link = { reach: "link", words: "And anyone with the link and its password" };
  expect(reachChange(event("link.made", { after: { password: true } }))).toEqual({ before: here, after: link });
  expect(reachChange(event("link.turned_off", { before: { password: true }, after: { password: true, off: true } }))).toEqual({ before: link, after: here });
  expect(reachChange(event("request.made", { after: { title: "Scans" } }))?.after).toEqual({ reach: "link", words: "And anyone with the address can send files" });
  expect(reachChange(event("link.made"))).toBeUndefined(); // not for this reader to know
});

it("shows what was there before, and what is now, of every change", () => {
  const all = (action: string, before: object, after: object) => changes(event(action, { before, after } as Partial<Happening>)).map((c) => `${c.what}: ${c.before} > ${c.after}`);
  expect(all("link.changed", { may: "view", password: false, version: 1 }, { may: "download", password: true, version: 2, downloads_max: 5 })).toEqual([
    "They can: view only > view and download",
    "Password: no > yes",
    "Downloads at most: none > 5",
  ]);
  expect(all("link.changed", { ends_at: new Date(2025, 4, 3).getTime() }, {})).toEqual(["Ends: 3 May 2025 > never"]);
  expect(all("request.changed", { title: "Scans", types: ["pdf"] }, { title: "Papers", max_bytes: 2_000_000_000 })).toEqual(["Title: Scans > Papers", "Size at most: none > 2\u00a0GB", "Kinds of files: pdf > any"]);
  expect(all("grant.changed", { role: "view" }, { role: "edit", until: new Date(2025, 4, 3).getTime() })).toEqual(["Until: never > 3 May 2025"]); // the role is in the sentence
  expect(all("space.renamed", { name: "Deals" }, { name: "Sales" })).toEqual(["Name: Deals > Sales"]);
  expect(all("node.renamed", { name: "a" }, { name: "b" })).toEqual([]);
  expect(changes(event("link.made", { after: { may: "view" } }))).toEqual([]);
});

it("leads to the version, the link or the access that an event is about", () => {
  const at = { ...node, parent_id: "p" };
  expect(leadsTo(event("file.uploaded", { node: at, version: 7 }))).toEqual({ href: "/files/p?show=n&open=details", words: "Version 7" });
  expect(leadsTo(event("link.changed", { node: at }))?.href).toBe("/files/p?show=n&open=share");
  expect(leadsTo(event("grant.given", { node: { ...at, kind: "folder" } }))?.href).toBe("/files/n?open=share");
  expect(leadsTo(event("request.made", { node: at }))?.href).toBe("/requests");
  expect(leadsTo(event("file.uploaded", { version: 7 }))).toBeUndefined(); // its folder is not this reader's to see
  expect(leadsTo(event("version.deleted", { node: at, version: 7 }))).toBeUndefined();
});

it("says whom a link is for, where the reader may know", () => {
  const about = { kind: "link", id: "l", name: "For Maria" };
  expect(plain(event("link.recipient_added", { about, after: { recipient: "maria@lindqvist.example" } }), "n")).toBe("Tomas Halden let maria@lindqvist.example open it by the link “For Maria”");
  expect(plain(event("link.recipient_removed", { about: { kind: "link", id: "l" } }), "n")).toBe("Tomas Halden changed whom a public link to it is for");
  expect(plain(event("request.reported", { about: { kind: "request", id: "r", name: "Scans" } }))).toBe("Someone reported the file request “Scans”");
  expect(plain(event("version.kept", { version: 3, after: { keep: false } }), "n")).toBe("Tomas Halden no longer keeps version 3 of it for ever");
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
});
