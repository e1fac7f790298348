import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiProblem } from "../../src/api/problem";
import type { CheckResult, Node, Problem } from "../../src/api/types";
import { UploadQueue, type Transport, type Upload } from "../../src/files/queue.svelte";

// The queue against a server of a few lines: folders and names in a map.
function serverOf() {
  const folders = new Map<string, Map<string, string>>([["root", new Map()]]);
  const made: string[] = [];
  let running = 0;
  const state = { most: 0, sent: [] as string[], breakNext: 0, refuse: undefined as Problem | undefined };
  const problem = (code: string, status: number, more: Partial<Problem> = {}): Problem => ({ type: "about:blank", status, title: "", detail: code, code, ref: "", ...more });
  const transport: Transport = {
    async makeFolder(parent, name) {
      const id = `${parent}/${name}`;
      if (!folders.has(id)) {
        folders.set(id, new Map());
        made.push(id);
      }
      return { id, name } as Node;
    },
    async check(folder, files) {
      return files.map(({ name }): CheckResult => {
        if (name.endsWith(".")) return { name, problem: problem("name_invalid", 422, { suggestion: name.slice(0, -1) }) };
        return folders.get(folder)?.has(name) ? { name, problem: problem("name_taken", 409) } : { name };
      });
    },
    async send(folder, name, ifExists, file, progress, signal) {
      running++;
      state.most = Math.max(state.most, running);
      try {
        await new Promise((go) => setTimeout(go, 10));
        progress(file.size / 2);
        if (signal.aborted) throw new DOMException("cancelled", "AbortError");
        if (state.breakNext > 0) {
          state.breakNext--;
          throw new ApiProblem({ code: "offline" });
        }
        if (state.refuse) throw new ApiProblem(state.refuse);
        folders.get(folder)?.set(name, ifExists);
        state.sent.push(`${folder}/${name}:${ifExists}`);
        return { id: name, parent_id: folder, name } as Node;
      } finally {
        running--;
      }
    },
  };
  return { transport, folders, made, state };
}

const file = (name: string, size = 10): File => new File([new Uint8Array(size)], name);
const states = (q: UploadQueue): string => q.items.map((u: Upload) => u.state).join(" ");

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("makes each folder once and sends at most four files at a time", async () => {
  const { transport, made, state } = serverOf();
  const changed = vi.fn();
  const q = new UploadQueue(transport, { changed });
  const files = Array.from({ length: 12 }, (_, i) => ({ file: file(`f${i}`), path: i % 2 ? ["a"] : ["a", "b"] }));
  void q.add("root", { files, emptyFolders: [["c"]] });
  await vi.runAllTimersAsync();
  expect(made.sort()).toEqual(["root/a", "root/a/b", "root/c"]);
  expect(state.most).toBe(4);
  expect(q.done).toBe(12);
  expect(q.bytesSent).toBe(120);
  expect(q.sending).toBe(false);
  expect(changed).toHaveBeenCalledWith("root/a/b");
});

it("waits for a decision where a name is taken, for one and for all", async () => {
  const { transport, folders, state } = serverOf();
  for (const name of ["a", "b", "c"]) folders.get("root")?.set(name, "old");
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: ["a", "b", "c", "d"].map((n) => ({ file: file(n), path: [] })), emptyFolders: [] });
  await vi.runAllTimersAsync();
  expect(states(q)).toBe("conflict conflict conflict done");
  q.decide(q.items[0] as Upload, "skip", false);
  q.decide(q.items[1] as Upload, "version", true);
  await vi.runAllTimersAsync();
  expect(states(q)).toBe("skipped done done done");
  expect(state.sent).toContain("root/b:version");
  expect(q.bytesTotal).toBe(30);
});

it("takes the suggested name and says so", async () => {
  const { transport, state } = serverOf();
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: [{ file: file("end."), path: [] }], emptyFolders: [] });
  await vi.runAllTimersAsync();
  expect(q.items[0]).toMatchObject({ state: "done", name: "end", renamedFrom: "end." });
  expect(state.sent).toEqual(["root/end:keep_both"]);
});

it("tries again when the line breaks, with pauses that grow", async () => {
  const { transport, state } = serverOf();
  state.breakNext = 3;
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: [{ file: file("a"), path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(20);
  expect(states(q)).toBe("retrying");
  await vi.advanceTimersByTimeAsync(1000 + 2000 + 60);
  expect(states(q)).toBe("retrying");
  await vi.advanceTimersByTimeAsync(4000);
  expect(states(q)).toBe("done");
  expect(q.bytesSent).toBe(10);
});

it("stops where the server refuses, and goes on when asked to", async () => {
  const { transport, state } = serverOf();
  state.refuse = { type: "about:blank", status: 507, title: "", detail: "full", code: "over_quota", ref: "" };
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: [{ file: file("a"), path: [] }], emptyFolders: [] });
  await vi.runAllTimersAsync();
  expect(q.items[0]).toMatchObject({ state: "failed", sent: 0 });
  state.refuse = undefined;
  q.retry(q.items[0] as Upload);
  await vi.runAllTimersAsync();
  expect(states(q)).toBe("done");
});

it("cancels what runs and what waits", async () => {
  const { transport, state } = serverOf();
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: Array.from({ length: 9 }, (_, i) => ({ file: file(`f${i}`), path: [] })), emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(5);
  q.cancelAll();
  await vi.runAllTimersAsync();
  expect(new Set(q.items.map((u) => u.state))).toEqual(new Set(["cancelled"]));
  expect(state.sent).toEqual([]);
  expect(q.bytesTotal).toBe(0);
  expect(q.bytesSent).toBe(0);
  q.clear();
  expect(q.items.length).toBe(0);
});
