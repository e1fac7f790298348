// Words of the search page, loaded with it. Kept apart from `t`, which loads at
// once.
import { find } from "./en-find";

export const findWords = find;
