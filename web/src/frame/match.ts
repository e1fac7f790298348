// How the palette compares: without case and accents, each word anywhere.

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Whether a label has every word of what was typed. Nothing typed matches all. */
export function matcher(typed: string): (label: string) => boolean {
  const words = fold(typed).split(/\s+/).filter(Boolean);
  return (label) => {
    const text = fold(label);
    return words.every((word) => text.includes(word));
  };
}
