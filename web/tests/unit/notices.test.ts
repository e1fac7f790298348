import { expect, test } from "vitest";
import type { Notice } from "../../src/api/types";
import { leadsTo, say } from "../../src/notices/notices";

const notice = (n: Partial<Notice>): Notice => ({ id: "n", at: 1, count: 1, read: false, kind: "share_given", by: { id: "b", name: "Ben" }, name: "Closing", ...n }) as Notice;
const plain = (n: Notice): string[] => Object.values(say(n)).map((text) => text.replace(/[\u2068\u2069]/g, "").replaceAll("\u00a0", " "));

test.each([
  [{ kind: "share_asked", role: "view" }, ["Ben asks you for more rights to Closing", "They can view it so far"], undefined],
  [{ kind: "group_given", name: "Crew" }, ["Ben added you to the group Crew: what is shared with it is shared with you", ""], "/shared"],
  [
    { kind: "files_came", files: 3, bytes: 18_200_000, who: "Maria", email: "maria@lindqvist.example", link: "Papers", ref: "K7M2", node: { id: "f", name: "In", kind: "folder" } },
    ["3 files from Maria for Papers", "18.2 MB · Reference K7M2 · The sender typed the name; nobody has checked it"],
    "/files/f",
  ],
  [{ kind: "link_opened", link: "For Maria", who: "maria@lindqvist.example", count: 2 }, ["Your link For Maria to Closing was opened", "By maria@lindqvist.example · 2 times"], undefined],
] as [Partial<Notice>, string[], string | undefined][])("%o", (n, said, leads) => {
  expect(plain(notice(n))).toEqual(said);
  expect(leadsTo(notice(n))).toBe(leads);
});
