import { describe, expect, it } from "vitest";
import { all, clear, focusOn, moveTo, nothing, only, prune, range, toggle } from "../../src/files/selection";

const order = ["a", "b", "c", "d", "e"];
const ids = (s: { ids: ReadonlySet<string> }): string => [...s.ids].sort().join("");

describe("selection", () => {
  it("starts ranges at the anchor, both ways, and keeps the anchor", () => {
    let s = only("c");
    s = range(s, order, "e");
    expect(ids(s)).toBe("cde");
    s = range(s, order, "a");
    expect(ids(s)).toBe("abc");
    expect(s.anchor).toBe("c");
    expect(s.focus).toBe("a");
  });
  it("starts a range at the focused row when nothing was picked", () => {
    expect(ids(range(focusOn(nothing, "b"), order, "d"))).toBe("bcd");
  });
  it("toggles one row and leaves the others", () => {
    let s = toggle(only("a"), "c");
    expect(ids(s)).toBe("ac");
    s = toggle(s, "a");
    expect(ids(s)).toBe("c");
  });
  it("selects all and clears, and keeps the focus", () => {
    const s = all(focusOn(nothing, "d"), order);
    expect(ids(s)).toBe("abcde");
    expect(clear(s)).toMatchObject({ focus: "d" });
  });
  it("puts the focus on the row that took the place of a gone one", () => {
    const s = prune(only("c"), order, ["a", "b", "d", "e"]);
    expect(s.focus).toBe("d");
    expect(s.ids.size).toBe(0);
    expect(prune(only("e"), order, ["a", "b"]).focus).toBe("b");
    expect(prune(only("a"), order, []).focus).toBeNull();
  });
  it("moves by rows, pages and tiles, and stops at the ends", () => {
    const cases: [string, string | null, number, string | null][] = [
      ["ArrowDown", "a", 1, "b"],
      ["ArrowDown", "e", 1, "e"],
      ["ArrowUp", "a", 1, "a"],
      ["ArrowDown", null, 1, "a"],
      ["End", "a", 1, "e"],
      ["Home", "e", 1, "a"],
      ["PageDown", "a", 1, "c"],
      ["ArrowRight", "a", 1, null],
      ["ArrowRight", "a", 2, "b"],
      ["ArrowDown", "a", 2, "c"],
      ["x", "a", 1, null],
    ];
    for (const [key, from, columns, to] of cases) expect(moveTo(key, order, from, 2, columns), `${key} from ${from}`).toBe(to);
    expect(moveTo("End", [], null, 2, 1)).toBeNull();
  });
});
