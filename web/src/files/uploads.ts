// The one queue of uploads of this page, and who wants to know when a folder's
// contents changed. It outlives the page that started an upload.

import { keys, queryClient } from "../api/query";
import { UploadQueue } from "./queue.svelte";
import { transport } from "./server";
import { works } from "./works.svelte";

type Listener = (folder: string) => void;
const listeners = new Set<Listener>();

/** Calls fn when something arrived in a folder; returns how to stop. */
export function onArrival(fn: Listener): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

/** Something was put into a folder: lists of it are out of date. */
export function arrived(folder: string): void {
  for (const fn of listeners) fn(folder);
  void queryClient.invalidateQueries({ queryKey: keys.spaces });
}

export const uploads = new UploadQueue(transport, { changed: arrived });

/** Finds large copies again that go on since before a reload. */
export function resumeWorks(): void {
  works
    .resume((folder) => {
      arrived(folder);
      void queryClient.invalidateQueries({ queryKey: keys.nodes });
    })
    .catch(() => undefined); // nothing depends on it
}

if (typeof window !== "undefined") {
  window.addEventListener("online", () => uploads.wake());
  window.addEventListener("beforeunload", (e) => {
    if (uploads.sending) e.preventDefault();
  });
}
