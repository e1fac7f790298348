// Words of the people and their quotas, loaded with their pages. Kept apart from
// `t`, which loads at once.
import { people } from "./en-people";

export const peopleWords = people;
