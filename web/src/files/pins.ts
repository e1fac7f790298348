// What a person has pinned, and pinning. The server keeps it; the side bar has
// it loaded on every page.

import { api, ok } from "../api/api";
import { keys, queryClient } from "../api/query";
import type { Node } from "../api/types";
import { t } from "../i18n";
import { toasts } from "../state/toasts.svelte";
import type { MenuItem } from "../ui/menu";

export const pinsQuery = () => ({
  queryKey: keys.pins,
  queryFn: async (): Promise<Node[]> => (await ok(api.GET("/pins"))).items,
  staleTime: 60_000,
});

/** Where a node is opened: a folder itself, a file over the folder that it is in. */
export function addressOf(n: Node): string {
  if (n.kind === "folder") return `/files/${n.id}`;
  return n.parent_id ? `/files/${n.parent_id}?preview=${n.id}` : `/pinned?preview=${n.id}`;
}

function isPinned(id: string): boolean {
  return (queryClient.getQueryData<Node[]>(keys.pins) ?? []).some((n) => n.id === id);
}

/** Pins a node or takes its pin away, and offers to take that back. */
export async function setPinned(n: Node, on: boolean): Promise<void> {
  const set = async (on: boolean): Promise<void> => {
    const params = { params: { path: { id: n.id } } };
    await (on ? ok(api.PUT("/pins/{id}", params)) : ok(api.DELETE("/pins/{id}", params)));
    await queryClient.invalidateQueries({ queryKey: keys.pins });
  };
  try {
    await set(on);
    toasts.done((on ? t.pinned.done : t.pinned.undone)(t.files.one(n.name)), () => set(!on));
  } catch (e) {
    toasts.problem(e);
  }
}

export function pinItem(n: Node): MenuItem {
  const pinned = isPinned(n.id);
  return { label: pinned ? t.pinned.unpin : t.pinned.pin, icon: "pin", act: () => setPinned(n, !pinned) };
}
