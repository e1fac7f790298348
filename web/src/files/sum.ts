// SHA-256 of a file, computed beside the page.

import type { Ask, Sum } from "./hash-worker";

let worker: Worker | null = null;
let nextId = 1;
const waiting = new Map<number, (sum: string | null) => void>();

function start(): Worker {
  const w = new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module" });
  w.onmessage = ({ data }: MessageEvent<Sum>) => {
    waiting.get(data.id)?.(data.sum);
    waiting.delete(data.id);
  };
  w.onerror = () => {
    for (const tell of waiting.values()) tell(null);
    waiting.clear();
    worker = null;
  };
  return w;
}

/** The sum in hexadecimal, or null where it cannot be told: no worker, unreadable, or stopped. */
export function sumOf(file: File, signal: AbortSignal): Promise<string | null> {
  const id = nextId++;
  return new Promise((resolve) => {
    worker ??= start();
    waiting.set(id, resolve);
    worker.postMessage({ id, file } satisfies Ask);
    signal.addEventListener("abort", () => {
      worker?.postMessage({ id, stop: true } satisfies Ask);
      waiting.delete(id);
      resolve(null);
    });
  });
}
