import { describe, expect, test } from "vitest";
import { bytesOf, split } from "../../src/people/quota";
import { usedShare } from "../../src/people/usage";

describe("sizes of quotas", () => {
  test("what is typed becomes bytes, or nothing", () => {
    const table: [string, "MB" | "GB" | "TB", number | null][] = [
      ["20", "GB", 20e9], [" 1.5 ", "TB", 1.5e12], ["1,5", "MB", 1.5e6], ["0", "GB", 0], [".5", "MB", 500_000], ["2.", "MB", 2e6],
      ["", "GB", null], ["-1", "GB", null], ["1e3", "GB", null], ["much", "GB", null], ["1.2.3", "GB", null], [".", "GB", null], ["∞", "GB", null],
    ];
    for (const [amount, unit, bytes] of table) expect(bytesOf(amount, unit), amount).toBe(bytes);
  });
  test("and back, in the largest unit that it fills", () => {
    expect(split(20e9)).toEqual({ amount: "20", unit: "GB" });
    expect(split(1_500_000)).toEqual({ amount: "1.5", unit: "MB" });
    expect(split(999)).toEqual({ amount: "0.000999", unit: "MB" });
    expect(split(5e15)).toEqual({ amount: "5000", unit: "TB" });
  });
  test("the part that is used", () => {
    expect([usedShare(5, undefined), usedShare(5, 10), usedShare(15, 10), usedShare(0, 0)]).toEqual([0, 0.5, 1, 1]);
  });
});
