import { expect, it } from "vitest";
import { KeyMap, typesText } from "../../src/files/keys";

const press = (key: string, more: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});

it("reads single keys, keys with Ctrl or Command, and nothing else", () => {
  const map = new KeyMap();
  expect(map.read(press("F2"), 0)).toBe("rename");
  expect(map.read(press("a", { ctrlKey: true }), 0)).toBe("all");
  expect(map.read(press("a", { metaKey: true }), 0)).toBe("all");
  expect(map.read(press("k", { metaKey: true }), 0)).toBe("palette");
  expect(map.read(press("a"), 0)).toBeNull();
  expect(map.read(press("d", { ctrlKey: true }), 0)).toBeNull();
  expect(map.read(press("ArrowUp", { altKey: true }), 0)).toBe("up");
  expect(map.read(press("z", { ctrlKey: true, shiftKey: true }), 0)).toBeNull();
});

it("goes with G and a second key, for one second", () => {
  const map = new KeyMap();
  expect(map.read(press("g"), 0)).toBeNull();
  expect(map.read(press("t"), 900)).toBe("goTrash");
  map.read(press("g"), 1000);
  expect(map.read(press("r"), 1500)).toBe("goRecent");
  for (const [letter, act] of [["l", "goLinks"], ["a", "goActivity"], ["s", "goShared"]]) {
    map.read(press("g"), 1500);
    expect(map.read(press(letter ?? ""), 1550)).toBe(act);
  }
  expect(map.read(press("/"), 1600)).toBe("search");
  map.read(press("g"), 2000);
  expect(map.read(press("f"), 3100)).toBeNull();
});

it("knows where people type", () => {
  const input = document.createElement("input");
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  expect(typesText(input)).toBe(true);
  expect(typesText(box)).toBe(false);
  expect(typesText(document.body)).toBe(false);
});
