import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { toasts } from "../../src/state/toasts.svelte";

beforeEach(() => toasts.forget());
afterEach(() => vi.useRealTimers());

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
  expect(await toasts.undo()).toBe(true);
  expect(await toasts.undo()).toBe(true);
  expect(await toasts.undo()).toBe(false);
  expect(ran).toEqual(["b", "a"]);
});

test("errors stay, the rest goes: 6 s, 10 s with undo", () => {
  toasts.done("a");
  toasts.done("b", () => {});
  toasts.error("c", "R");
  expect(toasts.list.map((one) => one.life)).toEqual([6_000, 10_000, undefined]);
});

test("an act can be taken back for ten minutes, also when its toast is gone", async () => {
  vi.useFakeTimers();
  const ran: string[] = [];
  const first = toasts.done("a", () => ran.push("a"));
  toasts.close(first);
  vi.advanceTimersByTime(9 * 60_000);
  toasts.close(toasts.done("b", () => ran.push("b")));
  expect(toasts.undoables().map((one) => one.text)).toEqual(["a", "b"]);
  expect(await toasts.undo(first)).toBe(true);
  expect(await toasts.undo(first)).toBe(false);
  vi.advanceTimersByTime(11 * 60_000);
  expect(await toasts.undo()).toBe(false);
  expect(ran).toEqual(["a"]);
});

test("an undo that fails says why", async () => {
  toasts.done("a", () => Promise.reject(new Error("no")));
  expect(await toasts.undo()).toBe(true);
  expect(toasts.list.map((one) => one.kind)).toEqual(["error"]);
});
