/** How a password would stand, for words beside the field. The server decides. */
export type Strength = { kind: "missing"; left: number } | { kind: "repeated" | "personal" | "fair" | "good" | "strong" };

const shortest = 12;

/** Shortest piece that repeated gives the whole; the whole itself when none. */
function period(chars: string[]): number {
  for (let n = 1; n <= chars.length / 2; n++) {
    if (chars.every((c, i) => c === chars[i % n])) return n;
  }
  return chars.length;
}

/** True for 12345678 and abcdefgh, up or down, from end to end. */
function straight(chars: string[]): boolean {
  const steps = chars.slice(1).map((c, i) => c.codePointAt(0)! - chars[i]!.codePointAt(0)!);
  return steps.length > 0 && (steps.every((s) => s === 1) || steps.every((s) => s === -1));
}

/** personal: name, address and the like, which count for nothing. */
export function strength(password: string, personal: string[] = []): Strength {
  const chars = [...password.normalize("NFKC")];
  if (chars.length < shortest) return { kind: "missing", left: shortest - chars.length };
  const folded = chars.map((c) => c.toLowerCase());
  if (new Set(folded).size < 5 || period(folded) <= chars.length / 2 || straight(folded)) return { kind: "repeated" };

  // The longest word first, or "roe" would break up "haldenroe".
  const words = personal.flatMap((one) => one.toLowerCase().split(/[^\p{L}\p{N}]+/u)).filter((word) => word.length >= 3);
  const rest = words.sort((a, b) => b.length - a.length).reduce((left, word) => left.replaceAll(word, ""), folded.join(""));
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  if ([...rest].length < 6) return { kind: "personal" };
  const score = [...rest].length + 2 * (kinds - 1);
  if (score < 16) return { kind: "fair" };
  return { kind: score < 24 ? "good" : "strong" };
}
