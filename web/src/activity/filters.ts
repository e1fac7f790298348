// What is asked of the record, and the filters of the Activity page, which live
// in its address.
import { api, ok } from "../api/api";
import type { Activity, ActivityKind, ActivityQuery } from "../api/types";

/** One page of what happened. (The routes can also answer with a table.) */
export async function readActivity(query: ActivityQuery): Promise<Activity> {
  return (await ok(api.GET("/activity", { params: { query } }))) as Activity;
}

export interface Filters {
  person: string;
  kind: ActivityKind | "";
  node: string;
  outside: boolean;
}

const kinds: readonly string[] = ["opened", "changed", "deleted", "shared", "links"];

export function readFilters(got: URLSearchParams): Filters {
  const kind = got.get("kind") ?? "";
  return {
    person: got.get("person") ?? "",
    kind: kinds.includes(kind) ? (kind as ActivityKind) : "",
    node: got.get("node") ?? "",
    outside: got.get("outside") === "true",
  };
}

/** The same as parameters, of the page and of the API alike; nothing where nothing is asked. */
export function filterQuery(f: Filters): ActivityQuery {
  return { ...(f.node && { node: f.node }), ...(f.person && { person: f.person }), ...(f.kind && { kind: f.kind }), ...(f.outside && { outside: "true" as const }) };
}
