// Leaving what others shared. Who has left cannot give it back to themselves, so
// the server is told when the time for Undo is over, or when the page goes.
import { SvelteSet } from "svelte/reactivity";
import { api, base, ok } from "../api/api";
import { keys, queryClient } from "../api/query";
import { s } from "../i18n/share";
import { toasts } from "../state/toasts.svelte";

const undoFor = 10_000;

/** What is left already, as far as this page shows it. */
export const leaving = new SvelteSet<string>();
const waiting = new Map<string, ReturnType<typeof setTimeout>>();

export function leave(node: string, said: string): void {
  if (leaving.has(node)) return;
  leaving.add(node);
  const toast = toasts.done(said, () => {
    if (!waiting.has(node)) return void toasts.error(s.shared.leftForGood);
    clearTimeout(waiting.get(node));
    waiting.delete(node);
    leaving.delete(node);
  });
  waiting.set(
    node,
    setTimeout(() => {
      toasts.close(toast);
      void tell(node);
    }, undoFor),
  );
}

async function tell(node: string): Promise<void> {
  waiting.delete(node);
  try {
    await ok(api.DELETE("/shared/{id}", { params: { path: { id: node } } }));
  } catch (e) {
    toasts.problem(e);
  }
  await Promise.all([keys.shared, keys.spaces, keys.nodes].map((queryKey) => queryClient.invalidateQueries({ queryKey })));
  leaving.delete(node);
}

addEventListener("pagehide", () => {
  for (const [node, timer] of waiting) {
    clearTimeout(timer);
    void fetch(`${base}/shared/${node}`, { method: "DELETE", keepalive: true });
  }
  waiting.clear();
});
