// The keyboard map of the file manager as data: which key means which act.
// Single letters count only while the list (or nothing) has the focus.

export type KeyAct =
  | "open" | "up" | "toggle" | "all" | "clear" | "rename" | "trash" | "download" | "details" | "preview" | "move" | "share"
  | "upload" | "uploadFolder" | "newFolder" | "view" | "keys" | "filter" | "copy" | "cut" | "paste" | "undo" | "palette" | "search" | "goFiles" | "goShared" | "goRecent" | "goLinks" | "goActivity" | "goTrash";

/** What works on every page of the frame (GoKeys). */
export const everywhere: ReadonlySet<KeyAct> = new Set<KeyAct>(["undo", "palette", "search", "keys", "goFiles", "goShared", "goRecent", "goLinks", "goActivity", "goTrash"]);

const plain: Record<string, KeyAct> = {
  Enter: "open",
  " ": "toggle",
  Escape: "clear",
  F2: "rename",
  Delete: "trash",
  s: "share",
  d: "download",
  i: "details",
  p: "preview",
  m: "move",
  u: "upload",
  U: "uploadFolder",
  n: "newFolder",
  v: "view",
  "?": "keys",
  "/": "search",
};
const withCtrl: Record<string, KeyAct> = { a: "all", f: "filter", c: "copy", x: "cut", v: "paste", z: "undo", k: "palette" };
const afterG: Record<string, KeyAct> = { f: "goFiles", s: "goShared", r: "goRecent", l: "goLinks", a: "goActivity", t: "goTrash" };

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** Reads keys one after the other; remembers a pressed G for a second. */
export class KeyMap {
  #gUntil = 0;

  read(e: Pressed, now: number): KeyAct | null {
    if (e.ctrlKey || e.metaKey) return e.altKey || e.shiftKey ? null : (withCtrl[e.key.toLowerCase()] ?? null);
    if (e.altKey) return e.key === "ArrowUp" ? "up" : null;
    const went = this.#gUntil > now ? afterG[e.key.toLowerCase()] : undefined;
    this.#gUntil = e.key.toLowerCase() === "g" ? now + 1000 : 0;
    return went ?? plain[e.key] ?? null;
  }
}

/** Whether an element takes typing itself. */
export function typesText(el: EventTarget | null): boolean {
  return el instanceof HTMLElement && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName)) && !(el instanceof HTMLInputElement && el.type === "checkbox");
}
