// What differs between two texts, line by line, as rows to show: changed lines,
// a few around them, and how many between are the same.
import { diffLines } from "diff";

export type ChangedLine =
  | { kind: "same" | "added" | "removed"; text: string; older?: number; newer?: number }
  | { kind: "skipped"; count: number };

export interface Changes {
  rows: ChangedLine[];
  added: number;
  removed: number;
}

/** Lines shown before and after a change. */
const around = 3;
/** How much may differ, and how long it may take to find out: the page must not stand still. */
const limits = { maxEditLength: 4000, timeout: 1000 };

/** Null when the two differ too much to be compared. */
export function changes(older: string, newer: string): Changes | null {
  const parts = diffLines(older.replaceAll("\r\n", "\n"), newer.replaceAll("\r\n", "\n"), limits);
  if (!parts) return null;
  const out: Changes = { rows: [], added: 0, removed: 0 };
  let [before, after] = [1, 1];
  parts.forEach((part, at) => {
    const lines = part.value.split("\n");
    if (lines.at(-1) === "") lines.pop();
    if (part.added || part.removed) {
      for (const text of lines) out.rows.push(part.added ? { kind: "added", text, newer: after++ } : { kind: "removed", text, older: before++ });
      out[part.added ? "added" : "removed"] += lines.length;
      return;
    }
    const head = at === 0 ? 0 : around;
    const tail = at === parts.length - 1 ? 0 : around;
    const hidden = lines.length - head - tail;
    lines.forEach((text, i) => {
      if (hidden <= 1 || i < head || i >= lines.length - tail) out.rows.push({ kind: "same", text, older: before, newer: after });
      else if (i === head) out.rows.push({ kind: "skipped", count: hidden });
      before++;
      after++;
    });
  });
  return out;
}
