// Words of the comparison of two versions, loaded with it. Kept apart from `t`,
// which loads at once.
import { compare } from "./en-compare";

export const compareWords = compare;
