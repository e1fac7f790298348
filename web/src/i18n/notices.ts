// Words of the notices, loaded with their page. Kept apart from `t`, which loads
// at once.
import { notices } from "./en-notices";

export const noticeWords = notices;
