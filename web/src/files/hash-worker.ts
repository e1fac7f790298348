// The worker that computes SHA-256 of files while they are sent. Only the answer
// that brings this file allows WebAssembly (internal/web/policy.go).

import { createSHA256 } from "hash-wasm";

export type Ask = { id: number; file: File } | { id: number; stop: true };
export interface Sum {
  id: number;
  /** In hexadecimal; null when the file could not be read. */
  sum: string | null;
}

const step = 2 ** 21;
const stopped = new Set<number>();

async function sum(id: number, file: File): Promise<string | null> {
  try {
    const hash = await createSHA256();
    for (let at = 0; at < file.size && !stopped.has(id); at += step) hash.update(new Uint8Array(await file.slice(at, at + step).arrayBuffer()));
    return hash.digest("hex");
  } catch {
    return null;
  }
}

onmessage = async ({ data }: MessageEvent<Ask>) => {
  if ("stop" in data) {
    stopped.add(data.id);
    return;
  }
  postMessage({ id: data.id, sum: await sum(data.id, data.file) } satisfies Sum);
  stopped.delete(data.id);
};
