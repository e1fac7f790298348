import { expect, test } from "vitest";
import { en } from "../../src/i18n/en";
import { fileLook } from "../../src/ui/fileicon";
import { initials } from "../../src/ui/initials";

test.each([
  ["Anna Roe", "AR"],
  ["anna maria von roe", "AR"],
  ["Öyvind", "ÖY"],
  ["  ", ""],
  ["👩‍⚖️ Roe", "👩R"],
])("initials of %s", (name, letters) => expect(initials(name)).toBe(letters));

test.each([
  ["Sale agreement v7.docx", "DOC", "doc"],
  ["a.PDF", "PDF", "pdf"],
  ["scan.jpeg", "JPG", "img"],
  ["Makefile", "", ""],
  ["archive.tar.gz", "GZ", "zip"],
  ["notes.verylong", "", ""],
  [".env", "ENV", ""],
])("look of %s", (name, letters, look) => expect(fileLook(name)).toEqual({ letters, look }));

// The words of the brief that must not come back.
test("no message blames, begs or speaks of users", () => {
  const said: string[] = [];
  const walk = (node: unknown) => {
    if (typeof node === "string") said.push(node);
    else if (typeof node === "function") said.push(String((node as (...a: string[]) => unknown)("x", "x", "x")));
    else if (node && typeof node === "object") Object.values(node).forEach(walk);
  };
  walk({ ...en, time: undefined });
  expect(said.length).toBeGreaterThan(100);
  expect(said.filter((text) => /\b(please|oops|invalid|users?|revoke|expir\w+|token invalid)\b/i.test(text))).toEqual([]);
});
