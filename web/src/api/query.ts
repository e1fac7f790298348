import { QueryClient } from "@tanstack/svelte-query";
import { ApiProblem } from "./problem";
import type { ChildrenQuery, SearchQuery } from "./types";

/** Worth another try without asking: nobody answered, or the server is busy. */
function passing(e: Error): boolean {
  return e instanceof ApiProblem && (e.code === "offline" || e.code === "busy" || e.status === 502 || e.status === 503 || e.status === 504);
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      networkMode: "always",
      retry: (failures, e) => failures < 2 && passing(e),
      retryDelay: (failures) => 500 * 2 ** failures,
    },
    mutations: { networkMode: "always" },
  },
});

/** The keys of everything that is kept of the server's state, widest first, so that a prefix invalidates all below it. */
export const keys = {
  sessions: ["sessions"] as const,
  tokens: ["tokens"] as const,
  settings: ["settings"] as const,
  keyExport: ["keys"] as const,
  damaged: ["damaged"] as const,
  invitations: ["invitations"] as const,
  people: ["people"] as const,
  spaces: ["spaces"] as const,
  nodes: ["nodes"] as const,
  node: (id: string) => ["nodes", id] as const,
  children: (id: string, query: ChildrenQuery = {}) => ["nodes", id, "children", query] as const,
  search: (query: SearchQuery) => ["nodes", "search", query] as const,
  recent: ["nodes", "recent"] as const,
  pins: ["nodes", "pins"] as const,
  trash: ["trash"] as const,
  shared: ["shared"] as const,
  activity: ["activity"] as const,
  links: ["links"] as const,
  requests: ["requests"] as const,
  liveOutside: ["outside", "live"] as const,
  policy: ["policy"] as const,
  notices: ["notices"] as const,
  unread: ["notices", "unread"] as const,
  noticeSettings: ["notice-settings"] as const,
};
