// The folder on the screen, for what stands outside the page: "New or upload"
// in the side bar, and what the palette can do and find in it. Null while no
// folder is shown.

import type { MenuItem } from "../ui/menu";
import type { Place } from "./manager.svelte";

interface Here {
  folder: Place | null;
  /** The space that it is in. */
  space: string | null;
  asked: "files" | "folder" | "new" | null;
  /** What can be done here, the acts on the selection first. */
  acts: (() => MenuItem[]) | null;
  /** What is listed here. */
  found: ((matches: (name: string) => boolean) => MenuItem[]) | null;
  /** Whether the palette is open. */
  palette: boolean;
  /** Whether the list of keys is open. */
  keys: boolean;
}

export const here = $state<Here>({ folder: null, space: null, asked: null, acts: null, found: null, palette: false, keys: false });
