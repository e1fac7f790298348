import { expect, test } from "vitest";
import { atDomains, domainsOf, looksLikeDomain, looksLikeEmail } from "../../src/account/email";
import { domainsError } from "../../src/account/policy";
import { safeNext } from "../../src/state/next";

test.each([
  ["anna@haldenroe.example", true],
  ["  anna@haldenroe.example ", true],
  ["anna+x@sub.haldenroe.example", true],
  ["anna@haldenroe", false],
  ["anna@@haldenroe.example", false],
  ["anna roe@haldenroe.example", false],
  ["anna@haldenroe..example", false],
  ["", false],
])("%s as an address: %s", (text, good) => expect(looksLikeEmail(text)).toBe(good));

test("domains are read as people type them", () => {
  expect(domainsOf(" @HaldenRoe.example,roe.example.;  roe.example\n")).toEqual(["haldenroe.example", "roe.example"]);
  expect(["haldenroe.example", "bücher.example", "haldenroe", "-a.example", "a b.example", "a..example"].map(looksLikeDomain)).toEqual([true, true, false, false, false, false]);
  expect(atDomains("Anna@HALDENROE.example", ["haldenroe.example"])).toBe(true);
  expect(atDomains("anna@nothaldenroe.example", ["haldenroe.example"])).toBe(false);
});

test("domains are asked for only where they count", () => {
  expect(domainsError("open", "")).toBeUndefined();
  expect(domainsError("domains", " ")).toContain("at least one");
  expect(domainsError("domains", "a.example nonsense")).toContain("“nonsense”");
  expect(domainsError("domains", "a.example")).toBeUndefined();
});

test.each([
  ["/security", "/security"],
  ["/files/01abc", "/files/01abc"],
  ["//evil.example/", "/files"],
  ["/\\evil.example", "/files"],
  ["https://evil.example/", "/files"],
  ["/\t/evil.example", "/files"],
  [undefined, "/files"],
])("after signing in, %s leads to %s", (next, to) => expect(safeNext(next)).toBe(to));
