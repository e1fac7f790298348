// What others shared, and since when it is new to this person in this browser.
// Small, because the side bar needs it at the start.
import { api, ok } from "../api/api";
import { keys } from "../api/query";
import type { SharedItem } from "../api/types";
import { recall, remember } from "../files/remember";
import { session } from "../state/session.svelte";

export const sharedQuery = () => ({ queryKey: keys.shared, queryFn: async (): Promise<SharedItem[]> => (await ok(api.GET("/shared"))).items, staleTime: 30_000 });

const key = (): string => `shared:${session.me?.id ?? ""}`;
let turn = $state(0);

/** When the list was looked at last, in ms; 0: never. */
export function lastLook(): number {
  void turn;
  return Number(recall(key()) ?? 0) || 0;
}

export function looked(): void {
  remember(key(), String(Date.now()));
  turn++;
}
