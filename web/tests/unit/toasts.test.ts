import { beforeEach, expect, test } from "vitest";
import { toasts } from "../../src/state/toasts.svelte";

beforeEach(() => toasts.list.splice(0));

test("at most three, and errors outlive the rest", () => {
  toasts.error("one failed");
  for (const text of ["a", "b", "c"]) toasts.done(text);
  expect(toasts.list.map((one) => one.text)).toEqual(["one failed", "b", "c"]);
  toasts.error("two failed");
  toasts.error("three failed");
  toasts.done("d");
  expect(toasts.list.map((one) => one.text)).toEqual(["two failed", "three failed", "d"]);
});

test("the newest undo runs once", async () => {
  const ran: string[] = [];
  toasts.done("a", () => ran.push("a"));
  toasts.done("b", () => ran.push("b"));
  toasts.done("c");
  expect(await toasts.undoLast()).toBe(true);
  expect(await toasts.undoLast()).toBe(true);
  expect(await toasts.undoLast()).toBe(false);
  expect(ran).toEqual(["b", "a"]);
});

test("errors stay, the rest goes: 6 s, 10 s with undo", () => {
  toasts.done("a");
  toasts.done("b", () => {});
  toasts.error("c", "R");
  expect(toasts.list.map((one) => one.life)).toEqual([6_000, 10_000, undefined]);
});
