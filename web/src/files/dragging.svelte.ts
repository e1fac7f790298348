// Drag and drop: files from the desktop, or rows within the page.

import type { Node } from "../api/types";
import { carriesFiles, readDrop } from "./drop";
import { t } from "../i18n";
import { itemsText, type Manager, type Place } from "./manager.svelte";
import { uploads } from "./uploads";

const opensAfter = 700; // ms that files are held over a folder before it opens

export class Dragging {
  /** The folder under the pointer, if it can take what is dragged. */
  target = $state<string | null>(null);
  /** Whether files from the desktop are over the page. */
  dropping = $state(false);

  /** "Move 3 items to Signed", while rows are held over a folder. */
  hint = $state("");

  #dragged: readonly Node[] = [];
  #opening: ReturnType<typeof setTimeout> | undefined;
  readonly #m: Manager;
  readonly #open: (n: Node) => void;

  constructor(m: Manager, open: (n: Node) => void) {
    this.#m = m;
    this.#open = open;
  }

  /** A row is taken: with the selection if it is part of it, else alone. */
  start(n: Node, e: DragEvent): void {
    this.#dragged = this.#m.selection.ids.has(n.id) ? this.#m.selected : [n];
    e.dataTransfer?.setData("application/x-coffer-nodes", this.#dragged.map((one) => one.id).join(" "));
    if (e.dataTransfer) e.dataTransfer.effectAllowed = "copyMove";
  }

  canTake(n: Node): boolean {
    return n.kind === "folder" && !this.#dragged.some((d) => d.id === n.id);
  }

  over(n: Node, e: DragEvent): void {
    if (!this.#m.mayWrite || !(carriesFiles(e) || this.#dragged.length > 0) || !this.canTake(n)) return;
    e.preventDefault();
    e.stopPropagation();
    if (this.#dragged.length > 0) this.hint = (e.ctrlKey || e.altKey ? t.files.dropCopy : t.files.dropMove)(itemsText(this.#dragged), n.name);
    if (this.target === n.id) return;
    this.target = n.id;
    clearTimeout(this.#opening);
    if (carriesFiles(e)) this.#opening = setTimeout(() => this.target === n.id && this.#open(n), opensAfter);
  }

  /** Let go over a folder: files are uploaded, rows moved, with Ctrl or Alt copied. */
  into(to: Place, e: DragEvent): void {
    e.preventDefault();
    e.stopPropagation();
    const nodes = this.#dragged;
    const data = e.dataTransfer;
    this.end();
    if (data && carriesFiles(e)) void readDrop(data).then((d) => uploads.add(to.id, d));
    else if (nodes.length > 0) void (e.ctrlKey || e.altKey ? this.#m.copy(nodes, to) : this.#m.move(nodes, to));
  }

  /** The pointer has left the folder. */
  leave(): void {
    this.target = null;
    this.hint = "";
  }

  end(): void {
    clearTimeout(this.#opening);
    this.leave();
    this.dropping = false;
    this.#dragged = [];
  }
}
