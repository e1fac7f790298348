import { expect, it } from "vitest";
import { changes, type ChangedLine } from "../../src/files/changes";

const told = (rows: readonly ChangedLine[]): string[] => rows.map((r) => (r.kind === "skipped" ? `... ${r.count}` : `${{ same: " ", added: "+", removed: "-" }[r.kind]}${r.text} ${r.older ?? ""}/${r.newer ?? ""}`));

it("tells lines apart that were added, removed and kept, with their numbers", () => {
  const found = changes("one\ntwo\nthree\n", "one\n2\nthree\nfour\n");
  expect(told(found?.rows ?? [])).toEqual([" one 1/1", "-two 2/", "+2 /2", " three 3/3", "+four /4"]);
  expect([found?.added, found?.removed]).toEqual([2, 1]);
});

it("shows three lines around a change and counts the others", () => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`);
  const after = lines.with(9, "changed");
  expect(told(changes(lines.join("\n"), after.join("\n"))?.rows ?? [])).toEqual(["... 6", " line 7 7/7", " line 8 8/8", " line 9 9/9", "-line 10 10/", "+changed /10", " line 11 11/11", " line 12 12/12", " line 13 13/13", "... 7"]);
});

it("does not mind how lines end, nor texts without any", () => {
  expect(changes("a\r\nb\r\n", "a\nb\n")).toMatchObject({ added: 0, removed: 0 });
  expect(told(changes("", "a\n")?.rows ?? [])).toEqual(["+a /1"]);
  expect(changes("", "")).toEqual({ rows: [], added: 0, removed: 0 });
});

it("gives up on what differs too much", () => {
  const noise = (seed: number): string => Array.from({ length: 4000 }, (_, i) => String((i + 1) * seed)).join("\n");
  expect(changes(noise(7919), noise(104729))).toBeNull();
});
