// The verbs of sharing as the pages call them, and what is kept of them.
import { api, ok } from "../api/api";
import { keys, queryClient } from "../api/query";
import type { Answer, Found, Grant, Group, Node, Sharing, Team } from "../api/types";

export const shareKeys = {
  sharing: (id: string) => [...keys.node(id), "sharing"] as const,
  groups: ["groups"] as const,
  members: (id: string) => ["groups", id, "members"] as const,
  directory: (q: string) => ["directory", q] as const,
  teams: ["teams"] as const,
};

export interface Seen {
  sharing: Sharing;
  answer: Answer;
}

/** Who a node is given to, and who can open it. */
export const seenQuery = (id: string) => ({
  queryKey: shareKeys.sharing(id),
  queryFn: async (): Promise<Seen> => {
    const params = { params: { path: { id } } };
    const [sharing, answer] = await Promise.all([ok(api.GET("/nodes/{id}/grants", params)), ok(api.GET("/nodes/{id}/access", params))]);
    return { sharing, answer };
  },
});

/** What is kept of a node, and of all that shows who can open it, is read again. */
export async function refresh(id: string): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: keys.node(id) });
  void queryClient.invalidateQueries({ queryKey: keys.nodes });
  void queryClient.invalidateQueries({ queryKey: keys.links });
}

export type Subject = { kind: "person"; id: string; name: string } | { kind: "group"; id: string; name: string; members: number } | { kind: "email"; email: string; name: string };

export async function give(node: string, to: Subject, role: Grant["role"], until: number, message = ""): Promise<Grant> {
  const whom = to.kind === "group" ? { group_id: to.id } : to.kind === "email" ? { email: to.email } : { user_id: to.id };
  return ok(api.POST("/nodes/{id}/grants", { params: { path: { id: node } }, body: { ...whom, role, ...(until ? { until } : {}), ...(message ? { message } : {}) } }));
}

/** Tells those who manage a node that one wants to do more with it. */
export async function ask(node: string, message: string): Promise<void> {
  await api.POST("/nodes/{id}/ask", { params: { path: { id: node } }, body: { message } });
}

export async function change(node: string, grant: string, patch: { role?: Grant["role"]; until?: number }): Promise<Grant> {
  return ok(api.PATCH("/nodes/{id}/grants/{grant}", { params: { path: { id: node, grant } }, body: patch }));
}

export async function take(node: string, grant: string): Promise<void> {
  await api.DELETE("/nodes/{id}/grants/{grant}", { params: { path: { id: node, grant } } });
}

/** Gives again what was taken, to whom it was. */
export async function giveBack(node: string, g: Grant): Promise<void> {
  const to: Subject = g.kind === "group" ? { kind: "group", id: g.group_id ?? "", name: g.name, members: 0 } : { kind: "person", id: g.user_id ?? "", name: g.name };
  await give(node, to, g.role, g.until ?? 0);
}

export const groupsQuery = () => ({
  queryKey: shareKeys.groups,
  queryFn: (): Promise<{ items: Group[]; may_make: boolean }> => ok(api.GET("/groups")),
  staleTime: 30_000,
});

export async function findPeople(q: string, signal?: AbortSignal): Promise<Found[]> {
  return (await ok(api.GET("/directory", { params: { query: { q } }, signal }))).items;
}

export const teamsQuery = () => ({ queryKey: shareKeys.teams, queryFn: async (): Promise<Team[]> => (await ok(api.GET("/teams"))).items });

/** The address of a thing that opens for whoever has access. */
export function addressFor(node: Pick<Node, "id">): string {
  return `${location.origin}/open/${node.id}`;
}
