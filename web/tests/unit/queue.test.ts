import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiProblem } from "../../src/api/problem";
import type { CheckResult, Node, Problem } from "../../src/api/types";
import type { Interrupted } from "../../src/files/interrupted";
import { UploadQueue, type Transport, type Upload } from "../../src/files/queue.svelte";

// The queue against a server of a few lines: folders and names in a map.
function serverOf() {
  const folders = new Map<string, Map<string, string>>([["root", new Map()]]);
  const made: string[] = [];
  let running = 0;
  const state = { most: 0, sent: [] as string[], breakNext: 0, refuse: undefined as Problem | undefined, began: false, forgotten: [] as string[], asked: 0, stored: "sum" as string | undefined, waits: [] as Interrupted[] };
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
      state.asked++;
      return files.map(({ name }): CheckResult => {
        if (name.endsWith(".")) return { name, problem: problem("name_invalid", 422, { suggestion: name.slice(0, -1) }) };
        return folders.get(folder)?.has(name) ? { name, problem: problem("name_taken", 409) } : { name };
      });
    },
    async send({ folder, name, ifExists, file, begun, progress, signal }) {
      running++;
      state.most = Math.max(state.most, running);
      try {
        await new Promise((go) => setTimeout(go, 10));
        if (state.began && begun.pieces.length === 0) begun.pieces.push({ id: `piece of ${name}`, first: 0, size: file.size });
        progress(file.size / 2);
        if (signal.aborted) throw new DOMException("cancelled", "AbortError");
        if (state.breakNext > 0) {
          state.breakNext--;
          throw new ApiProblem({ code: "offline" });
        }
        if (state.refuse) throw new ApiProblem(state.refuse);
        folders.get(folder)?.set(name, ifExists);
        state.sent.push(`${folder}/${name}:${ifExists}`);
        return { id: name, parent_id: folder, name, sha256: state.stored } as Node;
      } finally {
        running--;
      }
    },
    sum: async () => "sum",
    stat: async (id) => ({ id, sha256: state.stored }) as Node,
    unfinished: async () => state.waits,
    async forget(begun) {
      state.forgotten.push(...begun.pieces.map((p) => p.id));
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

it("says that a file is checked when both sums are the same, and an error when not", async () => {
  const { transport, state } = serverOf();
  const q = new UploadQueue(transport, { changed() {} });
  state.stored = undefined; // the server has not read it yet
  void q.add("root", { files: [{ file: file("a"), path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(1000);
  expect(states(q)).toBe("checking");
  expect(q.sending).toBe(false);
  state.stored = "sum";
  await vi.runAllTimersAsync();
  expect(q.items[0]).toMatchObject({ state: "done", checked: true });
  state.stored = "another";
  void q.add("root", { files: [{ file: file("b"), path: [] }], emptyFolders: [] });
  await vi.runAllTimersAsync();
  expect(q.items.at(-1)).toMatchObject({ state: "failed", checked: false, problem: { code: "sum_mismatch" } });
});

it("goes on with what has begun without asking again, and counts on from there", async () => {
  const { transport, state } = serverOf();
  state.began = true;
  state.breakNext = 1;
  const q = new UploadQueue(transport, { changed() {} });
  const big = file("big", 9 * 2 ** 20);
  void q.add("root", { files: [{ file: big, path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(1015);
  expect(q.items[0]).toMatchObject({ state: "uploading", sent: big.size / 2 });
  await vi.runAllTimersAsync();
  expect(states(q)).toBe("done");
  expect(state.asked).toBe(1);
});

it("takes what was cancelled away from the server, running or not", async () => {
  const { transport, state } = serverOf();
  state.began = true;
  state.breakNext = 1;
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: [{ file: file("waits"), path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(20);
  q.cancelAll();
  void q.add("root", { files: [{ file: file("runs"), path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(5);
  q.cancelAll();
  await vi.runAllTimersAsync();
  expect(state.forgotten).toEqual(["piece of waits", "piece of runs"]);
});

it("goes on with an interrupted upload when its file comes again", async () => {
  const { transport, state } = serverOf();
  const waits = (name: string, folder = "root"): Interrupted => ({
    key: name, name, folder, size: 10, modified: "", sent: 4, begun: { group: null, pieces: [{ id: `old ${name}`, first: 0, size: 10 }], ifExists: "keep_both" },
  });
  state.waits = [waits("a"), waits("b", "elsewhere"), waits("c"), waits("d")];
  const q = new UploadQueue(transport, { changed() {} });
  await q.recall();
  void q.add("root", { files: [{ file: file("a"), path: [] }, { file: file("b"), path: [] }, { file: file("c", 11), path: [] }], emptyFolders: [] });
  await vi.runAllTimersAsync();
  // b belongs to another folder, c has another size: new files.
  expect(state.sent).toEqual(["root/a:keep_both", "root/b:fail", "root/c:fail"]);
  expect(q.interrupted.map((i) => i.name)).toEqual(["b", "c", "d"]);
  const other = file("x");
  expect(q.goOn([file("b"), other])).toEqual([other]);
  await vi.runAllTimersAsync();
  expect(state.sent.at(-1)).toBe("elsewhere/b:keep_both");
  await q.drop(q.interrupted.find((i) => i.name === "d") as Interrupted);
  expect(state.forgotten).toEqual(["old d"]);
  expect(q.interrupted.map((i) => i.name)).toEqual(["c"]);
});

it("sends one large file at a time, and small ones beside it", async () => {
  const { transport, state } = serverOf();
  const q = new UploadQueue(transport, { changed() {} });
  const large = { size: 40 * 2 ** 20 };
  const files = ["a", "b", "c"].map((n, i) => ({ file: Object.defineProperty(file(n, 1), "size", { value: i < 2 ? large.size : 1 }), path: [] }));
  void q.add("root", { files, emptyFolders: [] });
  await vi.runAllTimersAsync();
  expect(states(q)).toBe("done done done");
  expect(state.most).toBe(2);
});

it("sends nothing while it is paused, and goes on with what had begun", async () => {
  const { transport, state } = serverOf();
  state.began = true;
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: ["a", "b", "c", "d", "e"].map((n) => ({ file: file(n), path: [] })), emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(5);
  expect(states(q)).toBe("uploading uploading uploading uploading waiting");
  q.pause();
  expect(states(q)).toBe("waiting waiting waiting waiting waiting");
  void q.add("root", { files: [{ file: file("f"), path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(state.sent).toEqual([]);
  expect(state.forgotten).toEqual([]);
  q.goOnAll();
  q.pause(); // the requests before have ended, these go
  q.goOnAll();
  await vi.runAllTimersAsync();
  expect(states(q)).toBe("done done done done done done");
  expect(state.sent.length).toBe(6);
  expect(state.most).toBeLessThanOrEqual(8); // the aborted ones end a moment later
  expect(q.bytesSent).toBe(60);
  expect(q.paused).toBe(false);
});

it("is not paused any more once all are cancelled", async () => {
  const { transport, state } = serverOf();
  const q = new UploadQueue(transport, { changed() {} });
  void q.add("root", { files: [{ file: file("a"), path: [] }], emptyFolders: [] });
  await vi.advanceTimersByTimeAsync(5);
  q.pause();
  q.cancelAll();
  expect(q.paused).toBe(false);
  void q.add("root", { files: [{ file: file("b"), path: [] }], emptyFolders: [] });
  await vi.runAllTimersAsync();
  expect(state.sent).toEqual(["root/b:fail"]);
});
