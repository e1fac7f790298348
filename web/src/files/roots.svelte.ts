// The spaces that a person has, and from them the names of top folders: a folder
// knows its own name, but the top folder of a space has none.
import { api, ok } from "../api/api";
import { keys } from "../api/query";
import type { Space } from "../api/types";

export const spacesQuery = () => ({ queryKey: keys.spaces, queryFn: (): Promise<{ items: Space[]; may_make: boolean }> => ok(api.GET("/spaces")) });

let known = $state.raw<readonly Space[]>([]);

/** The frame tells what there is. */
export function knowSpaces(spaces: readonly Space[]): void {
  known = spaces;
}

/** The team space whose top folder that is. */
export function teamAt(root: string): Space | undefined {
  return known.find((one) => one.kind === "team" && one.root_id === root);
}

/** Whose a space is, for the place that is marked in the side bar. */
export function placeOfSpace(id: string): "files" | "shared" | "team" {
  const one = known.find((space) => space.id === id);
  return one === undefined ? "shared" : one.kind === "team" ? "team" : "files";
}
