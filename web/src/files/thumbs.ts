// Small pictures of files, as the server makes them: asked for a few at a time,
// only while somebody can see where they go, and kept for a while, so that rows
// which come back into sight have them at once.

import { base } from "../api/api";
import type { Node } from "../api/types";

const atOnce = 3;
const kept = 400; // of about 15 KB

/** Where the small picture of a file's present content is. */
export function thumbnailAddress(node: Node, size: 256 | 1024): string {
  const query = new URLSearchParams({ size: String(size) });
  if (node.version_id) query.set("version", node.version_id);
  return `${base}/nodes/${node.id}/thumbnail?${query}`;
}

interface Wish {
  node: Node;
  done: (address: string | null) => void;
  run: AbortController;
}

export class Thumbs {
  /** Addresses of pictures by version, used last at the end; null: there is none. */
  readonly #known = new Map<string, string | null>();
  readonly #waiting: Wish[] = [];
  #running = 0;
  readonly #get: typeof fetch;

  constructor(get: typeof fetch = (...request) => fetch(...request)) {
    this.#get = get;
  }

  /** What is known without asking: an address, null for none, undefined for not yet. */
  known(node: Node): string | null | undefined {
    const version = node.version_id ?? "";
    const address = this.#known.get(version);
    if (address !== undefined) {
      this.#known.delete(version);
      this.#known.set(version, address);
    }
    return address;
  }

  /** Asks for a picture; the answer is an address, or null. Call what it returns when nobody waits any more. */
  ask(node: Node, done: (address: string | null) => void): () => void {
    const wish: Wish = { node, done, run: new AbortController() };
    this.#waiting.push(wish);
    this.#next();
    return () => {
      const at = this.#waiting.indexOf(wish);
      if (at >= 0) this.#waiting.splice(at, 1);
      wish.run.abort();
    };
  }

  #next(): void {
    while (this.#running < atOnce) {
      const wish = this.#waiting.shift();
      if (!wish) return;
      this.#running++;
      void this.#serve(wish).finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }

  async #serve(wish: Wish): Promise<void> {
    let address = this.known(wish.node); // two places may show one file
    if (address === undefined) {
      address = await this.#fetch(wish).catch(() => undefined);
      if (address !== undefined) this.#keep(wish.node.version_id ?? "", address);
    }
    if (!wish.run.signal.aborted) wish.done(address ?? null);
  }

  async #fetch(wish: Wish): Promise<string | null | undefined> {
    for (let tries = 0; tries < 3; tries++) {
      const answer = await this.#get(thumbnailAddress(wish.node, 256), { signal: wish.run.signal });
      if (answer.ok) return URL.createObjectURL(await answer.blob());
      await answer.body?.cancel(); // the words of a problem, which nobody reads, would keep the line
      if (answer.status === 404) return null; // no picture, for good
      if (answer.status !== 503) return undefined; // signed out, damaged: another day
      await pause(1000 * Number(answer.headers.get("Retry-After") ?? 2), wish.run.signal);
    }
    return undefined;
  }

  #keep(version: string, address: string | null): void {
    this.#known.set(version, address);
    for (const [oldest, gone] of this.#known) {
      if (this.#known.size <= kept) break;
      this.#known.delete(oldest);
      if (gone) URL.revokeObjectURL(gone);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}

export const thumbs = new Thumbs();
