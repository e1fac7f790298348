import { describe, expect, it, vi } from "vitest";
import type { Node } from "../../src/api/types";
import { Thumbs } from "../../src/files/thumbs";

const node = (n: number): Node => ({ id: `n${n}`, version_id: `v${n}`, kind: "file", name: `${n}.png`, thumbnail: true }) as Node;
const settled = () => new Promise((next) => setTimeout(next));

/** A server whose answers are given by hand. */
function server() {
  const open: { path: string; answer: (status: number, headers?: Record<string, string>) => void; signal: AbortSignal }[] = [];
  const get = ((path: string, init: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      const signal = init.signal!;
      signal.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
      open.push({ path, signal, answer: (status, headers = {}) => resolve(new Response(status === 200 ? "jpeg" : "", { status, headers })) });
    })) as unknown as typeof fetch;
  return { open, get };
}

let made = 0;
URL.createObjectURL = () => `blob:${++made}`;
const gone: string[] = [];
URL.revokeObjectURL = (address) => void gone.push(address);

describe("thumbs", () => {
  it("asks for three at a time, in order", async () => {
    const { open, get } = server();
    const thumbs = new Thumbs(get);
    const got: [number, string | null][] = [];
    for (let n = 0; n < 5; n++) thumbs.ask(node(n), (a) => got.push([n, a]));
    expect(open.map((o) => o.path)).toEqual([0, 1, 2].map((n) => `/api/v1/nodes/n${n}/thumbnail?size=256&version=v${n}`));
    open[1]!.answer(200);
    await settled();
    expect(open.length).toBe(4);
    open[0]!.answer(200);
    open[2]!.answer(200);
    await settled();
    expect(open.length).toBe(5);
    expect(got.map(([n]) => n).sort()).toEqual([0, 1, 2]);
    expect(got.every(([, a]) => a?.startsWith("blob:"))).toBe(true);
  });

  it("remembers what it got, and that there is none", async () => {
    const { open, get } = server();
    const thumbs = new Thumbs(get);
    const got: (string | null)[] = [];
    thumbs.ask(node(1), (a) => (got[0] = a));
    thumbs.ask(node(2), (a) => (got[1] = a));
    open[0]!.answer(200);
    open[1]!.answer(404);
    await settled();
    expect(thumbs.known(node(1))).toBe(got[0]);
    expect(thumbs.known(node(2))).toBe(null);
    expect(thumbs.known(node(3))).toBe(undefined);
    thumbs.ask(node(1), (a) => (got[2] = a));
    thumbs.ask(node(2), (a) => (got[3] = a));
    await settled();
    expect(open.length).toBe(2);
    expect(got.slice(2)).toEqual(got.slice(0, 2));
  });

  it("lets go of what nobody waits for", async () => {
    const { open, get } = server();
    const thumbs = new Thumbs(get);
    const done = vi.fn();
    const cancel = [0, 1, 2, 3, 4].map((n) => thumbs.ask(node(n), done));
    cancel[3]!(); // has not begun
    cancel[0]!(); // has
    expect(open[0]!.signal.aborted).toBe(true);
    await settled();
    expect(open.map((o) => o.path.slice(14, 16))).toEqual(["n0", "n1", "n2", "n4"]);
    expect(done).not.toHaveBeenCalled();
    expect(thumbs.known(node(0))).toBe(undefined);
  });

  it("tries a busy server again, and does not remember other failures", async () => {
    vi.useFakeTimers();
    const { open, get } = server();
    const thumbs = new Thumbs(get);
    const done = vi.fn();
    thumbs.ask(node(1), done);
    open[0]!.answer(503, { "Retry-After": "3" });
    await vi.advanceTimersByTimeAsync(2900);
    expect(open.length).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    open[1]!.answer(200);
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalledWith(expect.stringMatching(/^blob:/));
    thumbs.ask(node(2), done);
    open[2]!.answer(500);
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenLastCalledWith(null);
    expect(thumbs.known(node(2))).toBe(undefined);
    vi.useRealTimers();
  });

  it("keeps some hundreds, those used last", async () => {
    const get = (() => Promise.resolve(new Response("jpeg"))) as typeof fetch;
    const thumbs = new Thumbs(get);
    for (let n = 0; n < 400; n++) thumbs.ask(node(n), () => undefined);
    while (thumbs.known(node(399)) === undefined) await settled();
    const first = thumbs.known(node(0));
    gone.length = 0;
    thumbs.ask(node(400), () => undefined);
    while (thumbs.known(node(400)) === undefined) await settled();
    expect(gone.length).toBe(1);
    expect(gone[0]).not.toBe(first);
    expect(thumbs.known(node(0))).toBe(first);
  });
});
