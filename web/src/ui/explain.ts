import { ApiProblem, asProblem } from "../api/problem";
import { fmt, t } from "../i18n";

/** The sentence for people and the reference of any failure. Codes with words of our own come first, else the server's sentence. */
export function explain(e: unknown): { text: string; ref: string } {
  const p = asProblem(e);
  return { text: sentence(p), ref: p.ref };
}

function sentence(p: ApiProblem): string {
  const own = (t.problem as Record<string, string | undefined>)[p.code];
  if (p.code === "limited" && p.retryAfter) return t.problemLimited(fmt.plural(Math.ceil(p.retryAfter / 60), t.minutes));
  if (p.room) return t.problemRoom(fmt.size(p.room.need), fmt.size(p.room.free));
  if (own) return own;
  return p.message && p.message !== p.code ? p.message : t.problem.internal;
}
