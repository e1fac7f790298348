// The words of sharing in the chosen language: apart from the others, because
// they are loaded with the pages that need them.
import { links } from "./en-links";
import { share } from "./en-share";

export const s: typeof share = share;
export const l: typeof links = links;
