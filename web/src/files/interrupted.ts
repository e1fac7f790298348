// Uploads that wait at the server for their file: which there are, and whether a
// chosen file is the one. Knows the API's list and nothing of the page.

import type { IfExists, UnfinishedUpload } from "../api/types";
import type { Piece } from "./pieces";

/** What is known of an upload that has begun at the server. */
export interface Begun {
  /** Joins the pieces of one file; null while one piece takes all of it. */
  group: string | null;
  pieces: Piece[];
  /** What was said about a taken name. */
  ifExists: IfExists;
}

/** An upload of which this page has no bytes: the person chooses the file again. */
export interface Interrupted {
  key: string;
  name: string;
  folder: string;
  size: number;
  /** When the file was changed last, as who began it said; else "". */
  modified: string;
  sent: number;
  begun: Begun;
}

/** Reads the API's list. Uploads that another program began in its own way are left to it. */
export function interrupted(list: readonly UnfinishedUpload[]): Interrupted[] {
  const found = new Map<string, Interrupted>();
  for (const u of list) {
    if (!u.parent || u.size === null || u.total === null || !u.name) continue;
    const key = u.group ?? u.id;
    let one = found.get(key);
    if (!one) {
      one = { key, name: u.name, folder: u.parent, size: u.total, modified: u.modified ?? "", sent: 0, begun: { group: u.group ?? null, pieces: [], ifExists: u.if_exists as IfExists } };
      found.set(key, one);
    }
    one.sent += u.offset;
    one.begun.pieces.push({ id: u.id, first: u.first, size: u.size });
  }
  return [...found.values()];
}

/** The same name, size and time of change: the same file, as far as a page can see before it is read. */
export function isSame(u: Interrupted, file: File, name = file.name): boolean {
  return u.size === file.size && u.name.normalize() === name.normalize() && (u.modified === "" || u.modified === String(file.lastModified));
}
