// Who can open something, as the server tells it with every node of a folder:
// the glyph and the words of it. What the server does not tell is not guessed.

import type { Node } from "../api/types";
import { fmt, t } from "../i18n";

export type Glyph = "you" | "people" | "link" | "vault";

export interface Reach {
  glyph: Glyph;
  /** "Only you", "6 people": for a row. */
  words: string;
}

const glyphs: Record<string, Glyph> = { only_you: "you", people: "people", link: "link", vault: "vault" };

/** By links that open for anybody, or by such only as are for certain people. */
const lent = (node: Node): "link" | "named" => (!node.reach?.links && node.reach?.named ? "named" : "link");

export function reachOf(node: Node): Reach | null {
  if (!node.reach) return null;
  const glyph = glyphs[node.reach.kind] ?? "people";
  if (glyph === "you") return { glyph, words: t.reach.you };
  return { glyph, words: glyph === "link" ? t.reach[lent(node)] : fmt.plural(node.reach.people, t.reach.people) };
}

/** "6 people can open this folder": what a button or a hint says. */
export function reachSentence(node: Node): string {
  if (!node.reach) return "";
  const words = node.kind === "folder" ? t.reach.openFolder : t.reach.openFile;
  if (reachOf(node)?.glyph === "link") return fmt.plural(node.reach.people, words[lent(node)]);
  return node.reach.kind === "only_you" ? words.you : fmt.plural(node.reach.people, words.people);
}

/** How many lose access with a thing that goes, the person who does it apart. */
export function othersOn(node: Node): number {
  return node.reach && node.reach.kind !== "only_you" ? Math.max(0, node.reach.people - 1) : 0;
}
