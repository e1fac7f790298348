// Files that go on where they were cut: begins their pieces at the server, sends
// them at the same time with tus-js-client, and joins them. Loaded with the first
// large file. When to try again is the queue's business.

import { Upload, type DetailedError, type HttpResponse } from "tus-js-client";
import { api, base, ok, send } from "../api/api";
import { ApiProblem, problemOf } from "../api/problem";
import type { Node } from "../api/types";
import type { Begun } from "./interrupted";
import { cut, drawId, linesFor, partSize, type Piece } from "./pieces";
import type { Sending } from "./queue.svelte";

const endpoint = `${base}/uploads`;
const protocol = { "Tus-Resumable": "1.0.0" };

/** Sends what is missing of a file. What has begun at the server is kept in `begun`, for the next try. */
export async function sendResumable(s: Sending, broken: (file: File) => Promise<ApiProblem>): Promise<Node> {
  // One piece becomes a file as it was begun; a group as its join says.
  if (!s.begun.group && s.begun.ifExists !== s.ifExists) await forget(s.begun);
  try {
    await begin(s);
    const node = await sendPieces(s, broken);
    if (!s.begun.group) return await stat(node);
    return await stat(await join(s));
  } catch (e) {
    if (!(e instanceof ApiProblem) || e.status !== 404 || s.begun.pieces.length === 0) throw e;
    // The upload has ended: it took too long, or became a file while the answer was lost.
    const node = await became(s);
    await forget(s.begun);
    return node ?? (await sendResumable(s, broken));
  }
}

/** Takes what has begun away from the server, all pieces of a group at once. */
export async function forget(begun: Begun): Promise<void> {
  const [one] = begun.pieces;
  begun.pieces = [];
  begun.group = null;
  if (one) await send(new Request(`${endpoint}/${one.id}`, { method: "DELETE", headers: protocol })).catch(() => undefined);
}

/** Gives every byte of the file a place at the server. */
async function begin(s: Sending): Promise<void> {
  const { begun, file } = s;
  if (begun.pieces.length === 0) {
    begun.group = linesFor(file.size) > 1 ? drawId() : null;
    begun.ifExists = s.ifExists;
  }
  if (begun.pieces.length > 0 && !begun.group) return;
  for (const place of cut(file.size, begun.pieces)) {
    const parts: Record<string, string | number> = begun.group ? { group: begun.group, total: file.size, first: place.first } : {};
    const answer = await post(s, parts, { "Upload-Length": String(place.size), ...(begun.group ? { "Upload-Concat": "partial" } : {}) });
    begun.pieces.push({ id: lastOf(answer.headers.get("Location") ?? ""), ...place });
    s.signal.throwIfAborted();
  }
}

function post(s: Sending, more: Record<string, string | number>, headers: Record<string, string>): Promise<Response> {
  const about = { parent: s.folder, name: s.name, if_exists: s.ifExists, modified: s.file.lastModified, ...more };
  const metadata = Object.entries(about)
    .map(([name, value]) => `${name} ${base64(String(value))}`)
    .join(",");
  return send(new Request(endpoint, { method: "POST", headers: { ...protocol, "Upload-Metadata": metadata, ...headers }, signal: s.signal }));
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function lastOf(address: string): string {
  return address.slice(address.lastIndexOf("/") + 1);
}

/** Sends all pieces at once; gives the file that a single one became. The first failure stops the others. */
async function sendPieces(s: Sending, broken: (file: File) => Promise<ApiProblem>): Promise<string> {
  const stop = new AbortController();
  s.signal.addEventListener("abort", () => stop.abort());
  if (s.signal.aborted) stop.abort();
  const sent = new Map<Piece, number>();
  const tell = (piece: Piece, bytes: number): void => {
    sent.set(piece, bytes);
    // Only when all have told where they stand: before, the sum would fall back.
    if (sent.size === s.begun.pieces.length) s.progress([...sent.values()].reduce((a, b) => a + b, 0));
  };
  try {
    const nodes = await Promise.all(s.begun.pieces.map((piece) => sendPiece(s.file, piece, (n) => tell(piece, n), stop.signal, broken)));
    return nodes[0] ?? "";
  } finally {
    stop.abort();
  }
}

function sendPiece(file: File, piece: Piece, progress: (sent: number) => void, signal: AbortSignal, broken: (file: File) => Promise<ApiProblem>): Promise<string> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(file.slice(piece.first, piece.first + piece.size), {
      uploadUrl: `${endpoint}/${piece.id}`,
      // What a killed server or an ended session takes with it is a part, no more.
      chunkSize: partSize(file.size),
      retryDelays: null,
      storeFingerprintForResuming: false,
      onProgress: progress,
      onSuccess: ({ lastResponse }) => resolve(lastResponse.getHeader("Coffer-Node") ?? ""),
      onError: (e) => {
        const answer = "originalResponse" in e ? (e as DetailedError).originalResponse : null;
        if (answer && answer.getStatus() > 0) reject(problemIn(answer));
        else broken(file).then(reject, reject);
      },
    });
    const abort = (): void => {
      void upload.abort();
      reject(new DOMException("cancelled", "AbortError"));
    };
    if (signal.aborted) abort();
    else {
      signal.addEventListener("abort", abort);
      upload.start();
    }
  });
}

/** Answers to HEAD have no body: what matters of them is their status. */
function problemIn(answer: HttpResponse): ApiProblem {
  const p = problemOf(answer.getStatus(), (name) => answer.getHeader(name) ?? null, answer.getBody());
  return p.status === 401 ? new ApiProblem({ code: "unauthenticated", status: 401, ref: p.ref }) : p;
}

/** Makes one file of the pieces. */
async function join(s: Sending): Promise<string> {
  const pieces = [...s.begun.pieces].sort((a, b) => a.first - b.first);
  const answer = await post(s, {}, { "Upload-Concat": `final;${pieces.map((p) => `${endpoint}/${p.id}`).join(" ")}` });
  return answer.headers.get("Coffer-Node") ?? "";
}

function stat(id: string): Promise<Node> {
  return ok(api.GET("/nodes/{id}", { params: { path: { id } } }));
}

/** The file that the pieces became when only the answer to joining them was lost: of this name, size and sum. */
async function became(s: Sending): Promise<Node | null> {
  const stem = s.name.replace(/\.[^.]*$/, "");
  const mine = await s.sum;
  for (let tries = 0; mine !== null && tries < 10; tries++) {
    const { items } = await ok(api.GET("/nodes/{id}/children", { params: { path: { id: s.folder }, query: { q: stem } } }));
    const alike = await Promise.all(items.filter((n) => n.kind === "file" && n.size === s.file.size).map((n) => stat(n.id))); // lists tell no sums
    const found = alike.find((n) => n.sha256 === mine);
    if (found || alike.every((n) => n.sha256)) return found ?? null;
    await new Promise((next) => setTimeout(next, 1000)); // the server is reading it
  }
  return null;
}
