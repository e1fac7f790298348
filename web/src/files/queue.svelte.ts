// The queue of uploads: which file goes where, in what state, how fast. It asks
// before it sends (names, space), sends a few files at a time, tries again when
// the line breaks, and waits for a decision where a name is taken. It knows the
// REST verbs as functions handed to it, and nothing of the page.

import { ApiProblem, asProblem, offline } from "../api/problem";
import type { CheckResult, IfExists, Node } from "../api/types";
import type { Dropped } from "./drop";

export type UploadState = "waiting" | "uploading" | "retrying" | "conflict" | "done" | "failed" | "skipped" | "cancelled";

/** What the queue needs from the server. Every failure is an ApiProblem. */
export interface Transport {
  makeFolder(parent: string, name: string): Promise<Node>;
  check(folder: string, files: { name: string; size: number }[]): Promise<CheckResult[]>;
  send(folder: string, name: string, ifExists: IfExists, file: File, progress: (sent: number) => void, signal: AbortSignal): Promise<Node>;
}

/** How many files are sent at the same time. */
const parallel = 4;
/** How many names are checked with one request. */
const checkBatch = 500;
/** Pauses before the next try, in seconds; the last one repeats. */
const pauses = [1, 2, 4, 8, 15, 30];
/** Over how many milliseconds the speed is smoothed. */
const speedWindow = 5000;

/** One file on its way. */
export class Upload {
  readonly id: number;
  readonly file: File;
  readonly target: string;
  readonly path: readonly string[];
  name = $state("");
  state = $state<UploadState>("waiting");
  sent = $state(0);
  /** A problem that stopped it, or the line's state while retrying. */
  problem = $state<ApiProblem | null>(null);
  /** When the next try begins (ms since 1970), while retrying. */
  retryAt = $state(0);
  /** The name it had before the server's rule changed it. */
  renamedFrom = $state<string | null>(null);
  /** The node it became. */
  node = $state<Node | null>(null);
  ifExists: IfExists = "fail";
  tries = 0;
  folder: string | null = null;
  abort: AbortController | null = null;

  constructor(id: number, file: File, target: string, path: readonly string[]) {
    this.id = id;
    this.file = file;
    this.target = target;
    this.path = path;
    this.name = file.name;
  }

  get finished(): boolean {
    return this.state === "done" || this.state === "skipped" || this.state === "cancelled";
  }
}

export interface QueueEvents {
  /** A file or a folder arrived in this folder: lists of it are out of date. */
  changed(folder: string): void;
}

export class UploadQueue {
  /** Every upload since the tray was last cleared. */
  items = $state.raw<readonly Upload[]>([]);
  done = $state(0);
  bytesSent = $state(0);
  bytesTotal = $state(0);
  /** Bytes a second, null in the first three seconds. */
  speed = $state<number | null>(null);
  /** Folders that could not be made. */
  folderProblem = $state<ApiProblem | null>(null);

  readonly #transport: Transport;
  readonly #events: QueueEvents;
  #nextId = 1;
  #active = 0;
  /** Uploads whose folder is there and whose name was asked about, in order. */
  #ready: Upload[] = [];
  #folders = new Map<string, Promise<string>>();
  #samples: { at: number; bytes: number }[] = [];
  #startedAt = 0;

  constructor(transport: Transport, events: QueueEvents) {
    this.#transport = transport;
    this.#events = events;
  }

  /** Uploads that still want something. */
  get open(): number {
    return this.items.length - this.done;
  }

  get sending(): boolean {
    return this.#active > 0 || this.items.some((u) => u.state === "waiting" || u.state === "retrying");
  }

  /** Takes in what was dropped or chosen; folders are made as they are needed. */
  async add(target: string, dropped: Dropped): Promise<void> {
    const fresh = dropped.files.map(({ file, path }) => new Upload(this.#nextId++, file, target, path));
    if (this.open === 0) this.#forgetFinished();
    this.items = [...this.items, ...fresh];
    this.bytesTotal += fresh.reduce((sum, u) => sum + u.file.size, 0);
    await Promise.all([this.#makeEmptyFolders(target, dropped.emptyFolders), this.#prepare(fresh)]);
  }

  /** A person's answer to "the name is taken", for one or for all that wait. */
  decide(upload: Upload, answer: "keep_both" | "version" | "skip", forAll: boolean): void {
    const asked = forAll ? this.items.filter((u) => u.state === "conflict") : [upload];
    for (const u of asked) {
      if (u.state !== "conflict") continue;
      u.problem = null;
      if (answer === "skip") this.#end(u, "skipped");
      else {
        u.ifExists = answer;
        this.#wait(u);
      }
    }
  }

  retry(upload: Upload): void {
    if (upload.state !== "failed" && upload.state !== "retrying") return;
    upload.tries = 0;
    upload.problem = null;
    this.#again(upload);
  }

  cancel(upload: Upload): void {
    if (upload.finished) return;
    this.#end(upload, "cancelled");
    upload.abort?.abort();
  }

  cancelAll(): void {
    for (const u of this.items) this.cancel(u);
  }

  /** Forgets finished uploads (closing the tray). */
  clear(): void {
    this.#forgetFinished();
  }

  /** Tries at once everything that waits for its next try (back online). */
  wake(): void {
    for (const u of this.items) {
      if (u.state === "retrying") this.#again(u);
    }
  }

  #forgetFinished(): void {
    this.items = this.items.filter((u) => !u.finished && u.state !== "failed");
    this.done = 0;
    this.bytesSent = this.items.reduce((sum, u) => sum + u.sent, 0);
    this.bytesTotal = this.items.reduce((sum, u) => sum + u.file.size, 0);
    this.#folders.clear();
    this.folderProblem = null;
  }

  async #makeEmptyFolders(target: string, paths: readonly string[][]): Promise<void> {
    for (const path of paths) {
      await this.#folder(target, path).catch((error: unknown) => {
        this.folderProblem = asProblem(error);
      });
    }
  }

  /** Finds the folder of each file and asks about its name, then lets it go. */
  async #prepare(fresh: readonly Upload[]): Promise<void> {
    const groups = new Map<string, Upload[]>();
    for (const u of fresh) {
      const key = pathKey(u.target, u.path);
      const group = groups.get(key);
      if (group) group.push(u);
      else groups.set(key, [u]);
    }
    for (const group of groups.values()) {
      for (let i = 0; i < group.length; i += checkBatch) {
        await this.#prepareGroup(group.slice(i, i + checkBatch));
      }
    }
  }

  async #prepareGroup(group: readonly Upload[]): Promise<void> {
    const first = group[0];
    if (!first) return;
    try {
      const folder = await this.#folder(first.target, first.path);
      const asked = group.filter((u) => u.state === "waiting");
      const results = await this.#transport.check(
        folder,
        asked.map((u) => ({ name: u.name, size: u.file.size })),
      );
      asked.forEach((u, i) => {
        u.folder = folder;
        const problem = results[i]?.problem;
        const decided = problem?.code === "name_taken" && u.ifExists !== "fail";
        if (problem && !decided) this.#stopped(u, new ApiProblem(problem));
        else this.#wait(u);
      });
    } catch (error) {
      for (const u of group) this.#failed(u, error);
    }
  }

  /** The id of a folder below the target, made when it is first asked for. */
  #folder(target: string, path: readonly string[]): Promise<string> {
    if (path.length === 0) return Promise.resolve(target);
    const key = pathKey(target, path);
    let known = this.#folders.get(key);
    if (!known) {
      known = this.#makeFolder(target, path);
      this.#folders.set(key, known);
      known.catch(() => this.#folders.delete(key));
    }
    return known;
  }

  async #makeFolder(target: string, path: readonly string[]): Promise<string> {
    const parent = await this.#folder(target, path.slice(0, -1));
    const name = path[path.length - 1] ?? "";
    const node = await this.#transport.makeFolder(parent, name).catch((e: unknown) => {
      const { suggestion } = asProblem(e);
      if (!suggestion) throw e;
      return this.#transport.makeFolder(parent, suggestion);
    });
    this.#events.changed(parent);
    return node.id;
  }

  #wait(u: Upload): void {
    u.state = "waiting";
    this.#ready.push(u);
    this.#pump();
  }

  /** Starts what may start. */
  #pump(): void {
    while (this.#active < parallel) {
      const u = this.#ready.shift();
      if (!u) return;
      if (u.state === "waiting" && u.folder !== null) void this.#run(u, u.folder);
    }
  }

  async #run(u: Upload, folder: string): Promise<void> {
    this.#active++;
    if (this.#startedAt === 0 || this.#active === 1) {
      this.#startedAt = Date.now();
      this.#samples = [];
    }
    u.state = "uploading";
    u.abort = new AbortController();
    this.#count(u, -u.sent);
    // A cancelled request may still tell of bytes that left before.
    const progress = (sent: number): void => void (u.state === "uploading" && this.#count(u, sent - u.sent));
    try {
      const node = await this.#transport.send(folder, u.name, u.ifExists, u.file, progress, u.abort.signal);
      this.#count(u, u.file.size - u.sent);
      u.node = node;
      this.#end(u, "done");
      this.#events.changed(folder);
    } catch (error) {
      if (u.state === "uploading") this.#failed(u, error);
    } finally {
      u.abort = null;
      this.#active--;
      this.#pump();
    }
  }

  /** The server said no before or while sending. */
  #stopped(u: Upload, problem: ApiProblem): void {
    if (problem.code === "name_invalid" && problem.suggestion && u.renamedFrom === null) {
      u.renamedFrom = u.name;
      u.name = problem.suggestion;
      u.ifExists = "keep_both";
      this.#wait(u);
      return;
    }
    u.problem = problem;
    u.state = problem.code === "name_taken" ? "conflict" : "failed";
    this.#count(u, -u.sent);
  }

  #failed(u: Upload, error: unknown): void {
    if (u.finished) return;
    const problem = asProblem(error);
    if (!passing(problem)) {
      this.#stopped(u, problem);
      return;
    }
    u.problem = problem;
    const pause = pauses[Math.min(u.tries, pauses.length - 1)] ?? 30;
    u.tries++;
    u.state = "retrying";
    u.retryAt = Date.now() + pause * 1000;
    setTimeout(() => {
      if (u.state === "retrying" && u.retryAt <= Date.now()) this.#again(u);
    }, pause * 1000);
  }

  /**
   * Asks first, then sends: while the line was down the name may have been
   * taken, by this very file too if only the answer was lost.
   */
  #again(u: Upload): void {
    u.state = "waiting";
    u.folder = null;
    void this.#prepare([u]);
  }

  #end(u: Upload, state: "done" | "skipped" | "cancelled"): void {
    u.state = state;
    this.done++;
    if (state !== "done") {
      this.#count(u, -u.sent);
      this.bytesTotal -= u.file.size;
    }
  }

  #count(u: Upload, by: number): void {
    u.sent += by;
    this.bytesSent += by;
    const now = Date.now();
    this.#samples.push({ at: now, bytes: this.bytesSent });
    while (this.#samples.length > 2 && (this.#samples[0]?.at ?? now) < now - speedWindow) this.#samples.shift();
    const oldest = this.#samples[0];
    this.speed =
      oldest && now - this.#startedAt > 3000 && now > oldest.at
        ? Math.max(0, ((this.bytesSent - oldest.bytes) * 1000) / (now - oldest.at))
        : null;
  }
}

function pathKey(target: string, path: readonly string[]): string {
  return [target, ...path].join("/");
}

/** Worth another try without asking: the line broke, or the server is busy. */
function passing(p: ApiProblem): boolean {
  return p.code === offline || [429, 502, 503, 504].includes(p.status);
}
