// Words of pages that are loaded when somebody goes there: activity, links,
// file requests, rules of sharing. Kept apart from `t`, which loads at once.
import { trail } from "./en-trail";

export type TrailMessages = typeof trail;
export const w: TrailMessages = trail;
