// What lets people without an account in: links and file requests.
import { api, ok } from "../api/api";
import { keys, queryClient } from "../api/query";
import type { FileRequest, Link } from "../api/types";

const day = 24 * 60 * 60 * 1000;

export type Tab = "live" | "ending" | "over";

/** What a list shows of both sorts. */
export interface Outward {
  id: string;
  state: string;
  ends_at: number | null;
}

export function inTab(one: Outward, tab: Tab, now = Date.now()): boolean {
  if (tab === "over") return one.state !== "live";
  return one.state === "live" && (tab === "live" || (one.ends_at !== null && one.ends_at - now <= 7 * day));
}

/** What is asked of many at once. */
export type Change = { off: boolean } | { ends_at: number | null };

/** All pages of a list. */
async function every<T>(page: (cursor: string) => Promise<{ items: T[]; next?: string }>): Promise<T[]> {
  const all: T[] = [];
  for (let cursor = ""; ; ) {
    const got = await page(cursor);
    all.push(...got.items);
    if (!got.next) return all;
    cursor = got.next;
  }
}

export const linksQuery = (all: boolean) => ({
  queryKey: [...keys.links, all] as const,
  queryFn: (): Promise<Link[]> => every((cursor) => ok(api.GET("/links", { params: { query: { limit: 1000, ...(all ? { all } : {}), ...(cursor ? { cursor } : {}) } } }))),
});
export const requestsQuery = (all: boolean) => ({
  queryKey: [...keys.requests, all] as const,
  queryFn: (): Promise<FileRequest[]> => every((cursor) => ok(api.GET("/requests", { params: { query: { ...(all ? { all } : {}), ...(cursor ? { cursor } : {}) } } }))),
});
export const policyQuery = () => ({ queryKey: keys.policy, queryFn: () => ok(api.GET("/policy")), staleTime: 60_000 });

/** Both answer how many could not be changed. */
export async function changeLinks(ids: string[], change: Change): Promise<number> {
  return (await ok(api.POST("/links/batch", { body: { ids, ...change } }))).results.filter((r) => r.problem).length;
}
export async function changeRequests(ids: string[], change: Change): Promise<number> {
  return (await ok(api.POST("/requests/batch", { body: { ids, ...change } }))).results.filter((r) => r.problem).length;
}

/** After a change: who can open what is told in many places. */
export async function refreshOutside(): Promise<void> {
  await Promise.all([keys.links, keys.requests, keys.liveOutside, keys.nodes, keys.activity].map((queryKey) => queryClient.invalidateQueries({ queryKey })));
}
