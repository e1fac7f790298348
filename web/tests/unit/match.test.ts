import { expect, it } from "vitest";
import { matcher } from "../../src/frame/match";

it.each([
  ["", "Anything", true],
  ["  ", "Anything", true],
  ["TRA", "Move to trash", true],
  ["trash move", "Move to trash", true],
  ["trash copy", "Move to trash", false],
  ["cafe", "Caf\u00e9 menu.pdf", true],
  ["caf\u00e9", "Cafe menu.pdf", true],
])("finds %j in %j: %s", (typed, label, found) => {
  expect(matcher(typed)(label)).toBe(found);
});
