/** Two letters for a name: first and last word, else the first two letters. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = [...(words[0] ?? "")];
  if (words.length < 2) return first.slice(0, 2).join("").toUpperCase();
  const last = [...(words.at(-1) ?? "")];
  return ((first[0] ?? "") + (last[0] ?? "")).toUpperCase();
}
