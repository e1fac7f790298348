// The queue of uploads: which file goes where, in what state, how fast. It asks
// before it sends (names, space), sends a few files at a time, tries again when
// the line breaks, waits for a decision where a name is taken, and compares what
// was stored with what was sent. It knows the REST verbs as functions handed to
// it, and nothing of the page.

import { ApiProblem, asProblem, offline } from "../api/problem";
import type { CheckResult, IfExists, Node } from "../api/types";
import type { Dropped } from "./drop";
import { isSame, type Begun, type Interrupted } from "./interrupted";
import { goesOn, linesFor } from "./pieces";

export type UploadState = "waiting" | "uploading" | "retrying" | "conflict" | "checking" | "done" | "failed" | "skipped" | "cancelled";

/** What the queue needs from the server. Every failure is an ApiProblem. */
export interface Transport {
  makeFolder(parent: string, name: string): Promise<Node>;
  check(folder: string, files: { name: string; size: number }[]): Promise<CheckResult[]>;
  send(what: Sending): Promise<Node>;
  /** SHA-256 in hexadecimal of a file here; null where it cannot be told. */
  sum(file: File, signal: AbortSignal): Promise<string | null>;
  /** A file at the server, with its sum as soon as the server knows it. */
  stat(id: string): Promise<Node>;
  /** What waits at the server for its file. */
  unfinished(): Promise<readonly Interrupted[]>;
  /** Takes what has begun away from the server. */
  forget(begun: Begun): Promise<void>;
}

/** One file as it is to be sent. */
export interface Sending {
  folder: string;
  name: string;
  ifExists: IfExists;
  file: File;
  /** Kept from one try to the next, and changed by them. */
  begun: Begun;
  sum: Promise<string | null>;
  progress: (sent: number) => void;
  signal: AbortSignal;
}

/** How many connections send at the same time: a browser has six. */
const parallel = 4;
/** How many names are checked with one request. */
const checkBatch = 500;
/** Pauses before the next try, in seconds; the last one repeats. */
const pauses = [1, 2, 4, 8, 15, 30];
/** Seconds between questions for the server's sum; the last one repeats. */
const checks = [0.2, 0.5, 1, 2, 5];
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
  /** The server has the bytes that were sent: both sums are the same. */
  checked = $state(false);
  ifExists: IfExists = "fail";
  tries = 0;
  /** The most that was sent in any try. */
  most = 0;
  folder: string | null = null;
  abort: AbortController | null = null;
  begun: Begun = { group: null, pieces: [], ifExists: "fail" };
  sum: Promise<string | null> | null = null;
  readonly over = new AbortController();

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
  /** Uploads that wait at the server for their file to be chosen again. */
  interrupted = $state.raw<readonly Interrupted[]>([]);
  /** Nothing is sent until somebody goes on. */
  paused = $state(false);
  /** Folders that could not be made. */
  folderProblem = $state<ApiProblem | null>(null);

  readonly #transport: Transport;
  readonly #events: QueueEvents;
  #nextId = 1;
  /** Connections that send. */
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

  /** Asks which uploads were interrupted, here or on another device. */
  async recall(): Promise<void> {
    const mine = new Set(this.items.flatMap((u) => u.begun.pieces.map((p) => p.id)));
    const all = await this.#transport.unfinished().catch(() => []); // asked again with the next page
    this.interrupted = all.filter((one) => !one.begun.pieces.some((p) => mine.has(p.id)));
  }

  /** Goes on with interrupted uploads whose files were chosen again; gives the files that are of none. */
  goOn(files: readonly File[]): File[] {
    const others: File[] = [];
    if (this.open === 0) this.#forgetFinished();
    for (const file of files) {
      const one = this.interrupted.find((i) => isSame(i, file));
      if (!one) {
        others.push(file);
        continue;
      }
      const u = new Upload(this.#nextId++, file, one.folder, []);
      u.folder = one.folder;
      this.items = [...this.items, u];
      this.bytesTotal += file.size;
      this.#takeUp(u, one);
    }
    return others;
  }

  /** Gives an interrupted upload up. */
  async drop(one: Interrupted): Promise<void> {
    this.interrupted = this.interrupted.filter((i) => i !== one);
    await this.#transport.forget(one.begun);
  }

  #takeUp(u: Upload, one: Interrupted): void {
    this.interrupted = this.interrupted.filter((i) => i !== one);
    u.name = one.name;
    u.begun = one.begun;
    u.ifExists = one.begun.ifExists;
    this.#count(u, one.sent);
    this.#wait(u);
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
    if (upload.finished || upload.state === "checking") return;
    this.#end(upload, "cancelled");
    upload.abort?.abort();
  }

  cancelAll(): void {
    for (const u of this.items) this.cancel(u);
  }

  /** Stops sending; what the server has of each file is kept, and gone on from. */
  pause(): void {
    this.paused = true;
    this.speed = null;
    const running = this.items.filter((u) => u.state === "uploading");
    for (const u of running) {
      u.state = "waiting";
      u.abort?.abort();
    }
    this.#ready.unshift(...running);
  }

  goOnAll(): void {
    this.paused = false;
    this.#pump();
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
      const asked: Upload[] = [];
      for (const u of group) {
        if (u.state !== "waiting") continue;
        const one = this.interrupted.find((i) => i.folder === folder && isSame(i, u.file, u.name));
        if (!one) asked.push(u);
        else {
          u.folder = folder;
          this.#takeUp(u, one);
        }
      }
      if (asked.length === 0) return;
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
    for (;;) {
      const u = this.#ready[0];
      if (this.paused || !u || (this.#active > 0 && this.#active + linesFor(u.file.size) > parallel)) return;
      this.#ready.shift();
      if (u.state === "waiting" && u.folder !== null) void this.#run(u, u.folder);
    }
  }

  async #run(u: Upload, folder: string): Promise<void> {
    const lines = linesFor(u.file.size);
    if (this.#active === 0) {
      this.#startedAt = Date.now();
      this.#samples = [];
    }
    this.#active += lines;
    u.state = "uploading";
    const abort = new AbortController();
    u.abort = abort;
    if (!goesOn(u.file.size)) this.#count(u, -u.sent);
    const progress = (sent: number): void => {
      if (abort.signal.aborted || u.state !== "uploading") return; // bytes that left before
      this.#count(u, sent - u.sent);
      if (sent > u.most) {
        u.most = sent;
        u.tries = 0;
      }
    };
    const sum = (u.sum ??= this.#transport.sum(u.file, u.over.signal));
    try {
      const { name, ifExists, file, begun } = u;
      u.node = await this.#transport.send({ folder, name, ifExists, file, begun, sum, progress, signal: abort.signal });
      this.#count(u, u.file.size - u.sent);
      u.state = "checking";
      void this.#check(u, u.node, sum);
      this.#events.changed(folder);
    } catch (error) {
      if (u.finished) void this.#transport.forget(u.begun);
      else if (!abort.signal.aborted) this.#failed(u, error);
    } finally {
      if (u.abort === abort) u.abort = null;
      this.#active -= lines;
      this.#pump();
    }
  }

  /** Compares what was stored with what was sent. Sums that cannot be told leave it at "stored". */
  async #check(u: Upload, node: Node, sum: Promise<string | null>): Promise<void> {
    const sent = await sum;
    let stored = node.sha256;
    for (let i = 0; sent !== null && !stored && u.state === "checking"; i++) {
      await new Promise((next) => setTimeout(next, (checks[Math.min(i, checks.length - 1)] ?? 5) * 1000));
      try {
        const now = await this.#transport.stat(node.id);
        if (now.version_id !== node.version_id) break; // somebody changed it since
        stored = now.sha256;
      } catch (e) {
        if (!passing(asProblem(e))) break; // moved away, or no longer ours to see
      }
    }
    if (u.state !== "checking") return;
    if (sent && stored && sent !== stored) {
      u.sum = null;
      this.#stopped(u, new ApiProblem({ code: "sum_mismatch" }));
      return;
    }
    u.checked = Boolean(sent && stored);
    this.#end(u, "done");
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
    if (u.begun.pieces.length === 0) this.#count(u, -u.sent);
  }

  #failed(u: Upload, error: unknown): void {
    if (u.finished) return;
    const problem = asProblem(error);
    if (!passing(problem)) {
      this.#stopped(u, problem);
      return;
    }
    u.problem = problem;
    const pause = Math.max(pauses[Math.min(u.tries, pauses.length - 1)] ?? 30, problem.retryAfter ?? 0);
    u.tries++;
    u.state = "retrying";
    u.retryAt = Date.now() + pause * 1000;
    setTimeout(() => {
      if (u.state === "retrying" && u.retryAt <= Date.now()) this.#again(u);
    }, pause * 1000);
  }

  /**
   * Asks first, then sends: while the line was down the name may have been
   * taken, by this very file too if only the answer was lost. What has begun has
   * its name and room, and tells itself what it became.
   */
  #again(u: Upload): void {
    if (u.folder !== null && u.begun.pieces.length > 0) {
      this.#wait(u);
      return;
    }
    u.state = "waiting";
    u.folder = null;
    void this.#prepare([u]);
  }

  #end(u: Upload, state: "done" | "skipped" | "cancelled"): void {
    u.state = state;
    this.done++;
    if (this.open === 0) this.paused = false;
    if (state !== "done") {
      u.over.abort();
      if (!u.abort) void this.#transport.forget(u.begun); // else when its requests have ended
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

/** What tus answers while the request before is still being noticed to have ended. */
const settling = ["offset_mismatch", "upload_locked", "upload_interrupted", "stalled", "body_cut"];

/** Worth another try without asking: the line broke, or the server is busy. */
function passing(p: ApiProblem): boolean {
  return p.code === offline || settling.includes(p.code) || [423, 429, 502, 503, 504].includes(p.status);
}
