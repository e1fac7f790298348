import { describe, expect, test } from "vitest";
import { en } from "../../src/i18n/en";
import { Formats, iso } from "../../src/i18n/format";

const fmt = new Formats("en-GB", en.time, "Europe/Stockholm");
const nb = (s: string) => s.replaceAll(" ", "\u00a0");

describe("size", () => {
  test.each([
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1000, nb("1 KB")],
    [38_400, nb("38 KB")],
    [999_499, nb("999 KB")],
    [999_500, nb("1 MB")],
    [1_800_000, nb("1.8 MB")],
    [41_340_000, nb("41.3 MB")],
    [99_960_000, nb("100 MB")],
    [612_000_000, nb("612 MB")],
    [1_000_000_000, nb("1 GB")],
    [6_249_000_000, nb("6.2 GB")],
    [2e18, nb("2,000 PB")],
  ])("%d bytes", (bytes, text) => expect(fmt.size(bytes)).toBe(text));
});

describe("when", () => {
  const now = Date.parse("2026-11-23T12:41:00+01:00");
  test.each([
    ["2026-11-23T11:42:00+01:00", "Today, 11:42"],
    ["2026-11-23T00:00:00+01:00", "Today, 00:00"],
    ["2026-11-22T23:59:00+01:00", "Yesterday, 23:59"],
    ["2026-11-22T00:00:00+01:00", "Yesterday, 00:00"],
    ["2026-11-20T08:04:00+01:00", "20 Nov"],
    ["2026-01-01T00:00:00+01:00", "1 Jan"],
    ["2025-12-31T23:59:00+01:00", "31 Dec 2025"],
  ])("%s", (at, text) => expect(fmt.when(Date.parse(at), now)).toBe(text));

  test("counts days in the person's zone", () => {
    // 23:30 in London is already tomorrow in Stockholm.
    expect(fmt.when(Date.parse("2026-11-22T23:30:00Z"), now)).toBe("Today, 00:30");
  });
  test("inside a sentence", () => expect(fmt.whenInside(now, now)).toBe("today, 12:41"));
  test("the whole stamp names the zone", () => expect(fmt.stamp(now)).toMatch(/^Monday,? 23 November 2026, 12:41:00 (CET|GMT\+1)$/));
});

test("plural", () => {
  const files = { one: "# file", other: "# files" };
  expect([0, 1, 2, 1200].map((n) => fmt.plural(n, files))).toEqual(["0 files", "1 file", "2 files", "1,200 files"]);
});

test("iso keeps a name from turning the sentence around", () => {
  expect(iso("a\u202ebc\u2069d")).toBe("\u2068abcd\u2069");
});
