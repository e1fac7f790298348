import { expect, test } from "vitest";
import type { Answer, Grant, Link, Node, Sharing } from "../../src/api/types";
import { reachOf, reachSentence } from "../../src/files/reach";
import { links } from "../../src/i18n/en-links";
import { share } from "../../src/i18n/en-share";
import { addressesIn, dayChoices, forWhom, live, usual } from "../../src/share/links";
import { rowsOf } from "../../src/share/rows";
import { glyph, sentence, type Facts } from "../../src/share/sentence";
import { dayOf, dayWords, endOfDay } from "../../src/share/when";

const facts = (f: Partial<Facts>): Facts => ({ kind: "file", people: 6, onlyYou: false, links: 0, bare: 0, named: 0, ...f });

// The patterns of the brief, word by word.
test.each([
  [{ onlyYou: true, people: 1 }, "Only you can open this file.", "you"],
  [{ kind: "folder" as const }, "6 people can open this folder.", "people"],
  [{ people: 1 }, "1 person can open this file.", "people"],
  [{ links: 1 }, "6 people can open this file, and so can anyone with the link and its password.", "link"],
  [{ links: 1, bare: 1 }, "6 people can open this file, and so can anyone with the link.", "link"],
  [{ links: 2 }, "6 people can open this file, and so can anyone with one of the 2 links and its password.", "link"],
  [{ links: 2, bare: 1 }, "6 people can open this file, and so can anyone with one of the 2 links; one has no password.", "link"],
  [{ links: 5, bare: 3 }, "6 people can open this file, and so can anyone with one of the 5 links; 3 have no password.", "link"],
  [{ links: 2, bare: 2 }, "6 people can open this file, and so can anyone with one of the 2 links; none has a password.", "link"],
  [{ onlyYou: true, people: 1, links: 1 }, "You can open this file, and so can anyone with the link and its password.", "link"],
  [{ onlyYou: true, people: 1, named: 1 }, "Only you can open this file. One link opens it for those outside whom it was made for, and for nobody else.", "link"],
  [{ links: 1, named: 2 }, "6 people can open this file, and so can anyone with the link and its password. 2 links open it for those outside whom they were made for, and for nobody else.", "link"],
  [{ people: 1_234, links: 2, bare: 1, kind: "folder" as const }, "1,234 people can open this folder, and so can anyone with one of the 2 links; one has no password.", "link"],
])("the answer to %o", (f, said, drawn) => {
  expect(sentence(facts(f))).toBe(said);
  expect(glyph(facts(f))).toBe(drawn);
});

const grant = (g: Partial<Grant>): Grant => ({ id: "g", kind: "person", name: "Ben", role: "view", given_at: 1, inherited: false, may_change: true, ...g });

test("people with access: the owner, people, groups, each once", () => {
  const sharing: Sharing = {
    owner: { id: "a", name: "Anna" },
    items: [
      grant({ id: "1", kind: "group", group_id: "t", name: "Team", members: 2 }),
      grant({ id: "2", user_id: "b", role: "view" }),
      grant({ id: "3", user_id: "b", role: "manage", inherited: true, from: "Deals", node_id: "n" }),
      grant({ id: "4", user_id: "c", name: "Cid", role: "edit", inherited: true }),
      grant({ id: "5", user_id: "c", name: "Cid", role: "manage", inherited: true }),
      grant({ id: "6", user_id: "a", name: "Anna", role: "view" }),
    ],
  };
  const answer: Pick<Answer, "people"> = {
    people: [
      { id: "a", name: "Anna", email: "a@x.example", access: "owner", ways: [] },
      { id: "b", name: "Ben", email: "b@x.example", access: "manage", ways: [{ access: "view", grant: "2", inherited: false }] },
      { id: "d", name: "Dan", access: "view", ways: [{ access: "view", grant: "1", inherited: false, group: "Team" }] },
    ],
  };
  const rows = rowsOf(sharing, answer);
  expect(rows.map((r) => `${r.name} ${r.role}`)).toEqual(["Anna owner", "Ben view", "Cid manage", "Team view"]);
  expect(rows[0]).toMatchObject({ email: "a@x.example", role: "owner" });
  expect(rows[1]).toMatchObject({ email: "b@x.example", grant: { id: "2" } }); // its own grant first: that can be changed here
  expect(rows[1]?.also.map((g) => g.id)).toEqual(["3"]);
  expect(rows[2]).toMatchObject({ grant: { id: "5" } });
  expect(rows[3]?.members).toEqual([{ id: "d", name: "Dan" }]);
});

test("a team space has owners by grants", () => {
  const rows = rowsOf({ items: [grant({ id: "1", user_id: "b", name: "Zoë", role: "owner" }), grant({ id: "2", user_id: "c", name: "Ann", role: "manage" })] }, { people: [] });
  expect(rows.map((r) => r.name)).toEqual(["Zoë", "Ann"]);
});

test("access lasts to the end of the day", () => {
  const end = endOfDay("2026-11-30");
  expect(new Date(end).getHours()).toBe(23);
  expect(dayOf(end)).toBe("2026-11-30");
  expect([endOfDay(""), endOfDay("30.11.2026"), endOfDay("2026-13-45")]).toEqual([0, 0, 0]);
  const now = new Date("2026-11-03T12:00").getTime();
  expect([dayWords(end, now), dayWords(endOfDay("2027-01-02"), now)]).toEqual(["30 November", "2 January 2027"]);
});

test("which links count, and for how long they may be made", () => {
  const link = (state: Link["state"], has_password: boolean, recipients: Link["recipients"] = []): Link => ({ state, has_password, recipients, named: recipients.length > 0 }) as Link;
  const all = [link("live", true), link("live", false), link("off", false), link("live", false, [{ id: "r", email: "m@x.example", state: "live" }]), link("used_up", true)];
  expect(live(all)).toEqual({ links: 2, bare: 1, named: 1 });
  expect(live(undefined)).toEqual({ links: 0, bare: 0, named: 0 });
  expect(dayChoices(usual)).toEqual([7, 14, 30]);
  expect(dayChoices({ ...usual, link_days_default: 10, link_days_max: 14 })).toEqual([7, 10, 14]);
});

// The words of the brief that must not come back; the others are tested in shapes.test.ts.
test("no message of sharing blames, begs or speaks of users", () => {
  const said: string[] = [];
  const walk = (node: unknown): void => {
    if (typeof node === "string") said.push(node);
    else if (typeof node === "function") walk((node as (...a: string[]) => unknown)("x", "x"));
    else if (node && typeof node === "object") Object.values(node).forEach(walk);
  };
  walk([share, links]);
  expect(said.length).toBeGreaterThan(100);
  expect(said.filter((text) => /\b(please|oops|invalid|users?|revoke|expir\w+|token)\b/i.test(text))).toEqual([]);
});

test.each([
  [{ kind: "only_you", people: 1 }, "Only you", "Only you can open this folder"],
  [{ kind: "people", people: 6 }, "6 people", "6 people can open this folder"],
  [{ kind: "link", people: 1, links: 1, named: 1 }, "Anyone with a link", "You and anyone with a link can open this folder"],
  [{ kind: "link", people: 3, named: 2 }, "Named people outside", "3 people and named people outside can open this folder"],
] as [NonNullable<Node["reach"]>, string, string][])("a row with %o", (reach, words, sentence) => {
  const node = { kind: "folder", reach } as Node;
  expect([reachOf(node)?.words, reachSentence(node)]).toEqual([words, sentence]);
});

test("whom a link is for, and addresses as they are typed", () => {
  const link = (...recipients: [string, "live" | "off"][]): Link => ({ named: true, recipients: recipients.map(([email, state]) => ({ id: email, email, state })) }) as Link;
  expect(forWhom(link(["m@x.example", "live"], ["t@x.example", "off"], ["o@x.example", "live"]))).toBe("Only for m@x.example and o@x.example");
  expect(forWhom(link(["m@x.example", "off"]))).toBe("For nobody any more");
  expect(forWhom(link())).toBe("Only for the people it was made for"); // told to nobody else
  expect(addressesIn(" m@x.example,t@x.example;\n m@x.example ")).toEqual(["m@x.example", "t@x.example"]);
});
