// The folder on the screen, for what stands outside the page: "New or upload"
// in the side bar. Null while no folder is shown.

import type { Place } from "./manager.svelte";

export const here = $state<{ folder: Place | null; asked: "files" | "folder" | "new" | null }>({ folder: null, asked: null });
