// The file verbs of the REST API as the pages call them. Bodies that are bytes
// go by XMLHttpRequest, because fetch tells no progress of an upload.

import { api, base, ok, sessionEnded } from "../api/api";
import { ApiProblem, offline, problemOf } from "../api/problem";
import type { Batch, BatchResult, IfExists, Node, Person, Ticket } from "../api/types";
import type { ListingSource } from "./listing.svelte";
import { interrupted } from "./interrupted";
import { goesOn } from "./pieces";
import type { Sending, Transport } from "./queue.svelte";
import { works } from "./works.svelte";

export const source: ListingSource = {
  node: (id, signal) => ok(api.GET("/nodes/{id}", { params: { path: { id } }, signal })),
  children: (id, query, signal) => ok(api.GET("/nodes/{id}/children", { params: { path: { id }, query }, signal })),
};

export const transport: Transport = {
  makeFolder: (parent, name) => makeFolder(parent, name, "merge"),
  check: async (folder, files) => {
    const answer = await ok(api.POST("/nodes/{id}/check", { params: { path: { id: folder } }, body: { files } }));
    return answer.results;
  },
  send: sendFile,
  sum: (file, signal) => import("./sum").then(({ sumOf }) => sumOf(file, signal), () => null),
  stat: (id) => ok(api.GET("/nodes/{id}", { params: { path: { id } } })),
  unfinished: async () => interrupted((await ok(api.GET("/uploads"))).items),
  forget: async (begun) => {
    if (begun.pieces.length > 0) await resumable().then(({ forget }) => forget(begun));
  },
};

/** Loaded with the first large file. */
const resumable = () =>
  import("./tus").catch(() => {
    throw new ApiProblem({ code: offline });
  });

export function makeFolder(parent: string, name: string, ifExists: "fail" | "merge"): Promise<Node> {
  return ok(api.POST("/nodes/{id}/folders", { params: { path: { id: parent }, query: { if_exists: ifExists } }, body: { name } }));
}

export function rename(node: Node, name: string): Promise<Node> {
  return ok(api.PATCH("/nodes/{id}", { params: { path: { id: node.id }, header: { "If-Match": `"r${node.rev}"` } }, body: { name } }));
}

/**
 * Does one thing to many nodes; each has its own result. Sends at most 1,000 at
 * a time. A copy that the server takes long for is told in the tray, under the
 * words of what; rejects with Cancelled when it is ended there.
 */
export async function batch(op: Batch["op"], ids: readonly string[], to?: string, ifExists?: IfExists, what?: string): Promise<BatchResult[]> {
  const results: BatchResult[] = [];
  for (let i = 0; i < ids.length; i += 1000) {
    const body: Batch = { op, ids: ids.slice(i, i + 1000) };
    if (to) body.to = to;
    if (ifExists) body.if_exists = ifExists;
    const answer = await ok(api.POST("/batch", { body }));
    results.push(...(answer.job ? await works.follow(answer.job, what) : answer.results));
  }
  return results;
}

/** Who will be able to open things in another folder who cannot open them where they are. */
export async function gaining(nodes: readonly Node[], to: string): Promise<string[]> {
  const openers = async (id: string): Promise<Person[]> => (await ok(api.GET("/nodes/{id}/access", { params: { path: { id } } }))).people;
  const there = await openers(to);
  if (there.length < 2) return []; // nobody but who moves them
  // A few things are asked about one by one, many by the folders that they are in.
  const here = nodes.length <= 5 ? nodes.map((n) => n.id) : [...new Set(nodes.map((n) => n.parent_id ?? n.id))];
  const now = await Promise.all(here.map(openers));
  return there.filter((p) => now.some((all) => all.every((one) => one.id !== p.id))).map((p) => p.name);
}

/** Where a file's bytes are, for pictures and for code of ours: the session's cookie goes along. */
export function contentAddress(node: Pick<Node, "id" | "version_id">, inline = false): string {
  const query = new URLSearchParams();
  if (inline) query.set("inline", "1");
  if (node.version_id) query.set("version", node.version_id);
  return `${base}/nodes/${node.id}/content?${query}`;
}

/** The first MiB of a text, decoded by the server. */
export async function textOf(node: Pick<Node, "id" | "version_id">, signal: AbortSignal): Promise<string> {
  const answer = await fetch(contentAddress(node, true), { signal }).catch((e: unknown) => {
    if (e instanceof DOMException) throw e;
    throw new ApiProblem({ code: offline });
  });
  const text = await answer.text();
  if (!answer.ok) throw problemOf(answer.status, (h) => answer.headers.get(h), text);
  return text;
}

/** The most of a text that textOf gives, in bytes. */
export const mostText = 1 << 20;

/** An address of one version of a file that opens by itself, for five minutes: for downloads and for media. */
export function ticket(node: Node, version = node.version_id, inline = false): Promise<Ticket> {
  const body = { inline, ...(version ? { version } : {}) };
  return ok(api.POST("/nodes/{id}/ticket", { params: { path: { id: node.id } }, body }));
}

/** The same for what the browser is to download: one file as it is, else a ZIP. */
function downloadTicket(nodes: readonly Node[]): Promise<Ticket> {
  const [first] = nodes;
  if (first && nodes.length === 1 && first.kind === "file") return ticket(first);
  return ok(api.POST("/zip", { body: { ids: nodes.map((n) => n.id) } }));
}

/** Makes the browser download one version of a file, or nodes, straight to the disk. */
export async function download(nodes: readonly Node[], version?: string): Promise<void> {
  const [first] = nodes;
  if (!first) return;
  const link = document.createElement("a");
  link.href = (version ? await ticket(first, version) : await downloadTicket(nodes)).url;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}

async function sendFile(s: Sending): Promise<Node> {
  const query = new URLSearchParams({ name: s.name, if_exists: s.ifExists });
  const once = async (): Promise<Node> =>
    goesOn(s.file.size) ? (await resumable()).sendResumable(s, brokenLine) : put(`${base}/nodes/${s.folder}/files?${query}`, s.file, s.progress, s.signal);
  for (;;) {
    try {
      return await once();
    } catch (e) {
      if (!(e instanceof ApiProblem) || e.status !== 401) throw e;
      await sessionEnded(e); // waits until the person has signed in again
    }
  }
}

/** The browser tells a broken line and an unreadable file alike; only the file can be asked again. */
function brokenLine(file: File): Promise<ApiProblem> {
  return file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => new ApiProblem({ code: offline }),
      () => new ApiProblem({ code: "unreadable" }),
    );
}

function put(address: string, file: File, progress: (sent: number) => void, signal: AbortSignal): Promise<Node> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = (): void => request.abort();
    const over = (): void => signal.removeEventListener("abort", abort);
    request.open("PUT", address);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (e) => progress(e.loaded);
    request.onload = () => {
      over();
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as Node);
      else reject(problemOf(request.status, (h) => request.getResponseHeader(h), request.responseText));
    };
    request.onerror = () => {
      over();
      void brokenLine(file).then(reject);
    };
    request.onabort = () => {
      over();
      reject(new DOMException("cancelled", "AbortError"));
    };
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    else request.send(file);
  });
}
