import { expect, test } from "vitest";
import { strength } from "../../src/ui/strength";

const person = ["Anna Roe", "anna@haldenroe.example"];

test.each([
  ["", "missing"],
  ["elevenchars", "missing"],
  ["🔑🔑🔑🔑🔑🔑", "missing"], // characters, not code units
  ["aaaaaaaaaaaa", "repeated"],
  ["abcabcabcabc", "repeated"],
  ["hunterhunter", "repeated"],
  ["HunterHUNTER", "repeated"],
  ["abcdefghijkl", "repeated"],
  ["987654321098", "fair"],
  ["annaroe12345", "personal"],
  ["Haldenroe-Anna1", "personal"],
  ["winter-sunday", "fair"],
  ["winter sunday boats", "good"],
  ["the ferry leaves at seven on Sundays", "strong"],
])("%s is %s", (password, kind) => expect(strength(password, person).kind).toBe(kind));

test("tells how many characters are missing", () => {
  expect(strength("seven77")).toEqual({ kind: "missing", left: 5 });
});

test("a longer password is never worse", () => {
  const order = ["missing", "repeated", "personal", "fair", "good", "strong"];
  const text = "tide tables hang beside the harbour clock";
  let last = 0;
  for (let n = 1; n <= text.length; n++) {
    const now = order.indexOf(strength(text.slice(0, n), person).kind);
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});
