// The rows of one folder: first a page that is small enough to be there at
// once, then the rest in big pages. Rows that are all here are sorted and
// filtered on the spot; of longer folders the server does it, and they have a gap:
// rows that nobody has scrolled to yet, from the beginning or from the end. Knows
// the order and the filter, not how rows look.

import { matcher } from "../frame/match";
import { asProblem, type ApiProblem } from "../api/problem";
import type { ChildrenQuery, List, Node, Sort } from "../api/types";

export type Order = "asc" | "desc";

export interface ListingSource {
  node(id: string, signal: AbortSignal): Promise<Node>;
  children(id: string, query: ChildrenQuery, signal: AbortSignal): Promise<List<Node>>;
}

/** Sizes of pages, and how many rows are loaded before anybody scrolls to them. */
const firstPage = 200;
const nextPage = 5000;
const mostRows = 20_000;

/** Rows that are not loaded: how many, and before which of the loaded ones. */
export interface Gap {
  at: number;
  size: number;
}

export class Listing {
  folder = $state.raw<Node | null>(null);
  rows = $state.raw<readonly Node[]>([]);
  /** How many rows the folder has, loaded or not. */
  total = $state(0);
  phase = $state<"loading" | "ready" | "error">("loading");
  problem = $state.raw<ApiProblem | null>(null);
  sort = $state<Sort>("name");
  order = $state<Order>("asc");
  filter = $state("");
  gap = $state.raw<Gap | null>(null);

  readonly #source: ListingSource;
  /** All rows as the server has sorted them, when all are here. */
  #all: readonly Node[] | null = null;
  /** Where each stands by name, from the last time they came so. */
  #rank = new Map<string, number>();
  #id = "";
  #run: AbortController | null = null;
  /** Rows before and after the gap, and where the next ones begin on each side. */
  #head: readonly Node[] = [];
  #tail: readonly Node[] = [];
  #next: { head?: string; tail?: string } = {};
  #filling: Promise<void> | null = null;

  constructor(source: ListingSource) {
    this.#source = source;
  }

  get id(): string {
    return this.#id;
  }

  /** Shows another folder. What was there goes at once. */
  async open(id: string, sort: Sort, order: Order): Promise<void> {
    const same = id === this.#id;
    this.#id = id;
    this.sort = sort;
    this.order = order;
    if (same && this.#all && (sort !== "name" || this.#all.every((n) => this.#rank.has(n.id)))) {
      this.#all = sorted(this.#all, sort, order, this.#rank);
      this.#query = { ...this.#query, sort, order };
      this.#filter(this.#all);
      return; // nothing of it needs the server
    }
    if (!same) {
      this.#all = null;
      this.#rank = new Map();
      this.folder = null;
      this.rows = [];
      this.gap = null;
      this.total = 0;
      this.filter = "";
      this.phase = "loading";
    }
    await this.#load();
  }

  /** Reads the folder again; the old rows stay until the new ones are there. */
  async refresh(): Promise<void> {
    if (this.#id !== "") await this.#load();
  }

  async search(text: string): Promise<void> {
    this.filter = text;
    if (this.#all) this.#filter(this.#all);
    else await this.#load();
  }

  #filter(all: readonly Node[]): void {
    const matches = matcher(this.filter);
    this.rows = this.filter === "" ? all : all.filter((n) => matches(n.name));
    this.total = this.rows.length;
  }

  /**
   * Loads more rows of the gap, at its beginning or its end; the end of the folder
   * first, if nobody has asked for that yet. One page at a time.
   */
  fill(side: "head" | "tail"): Promise<void> {
    if (this.#filling) return this.#filling;
    const filling = this.#fill(side).finally(() => {
      if (this.#filling === filling) this.#filling = null;
    });
    return (this.#filling = filling);
  }

  async #fill(side: "head" | "tail"): Promise<void> {
    const run = this.#run;
    const { gap } = this;
    if (!run || !gap) return;
    const begun = side === "head" || this.#tail.length > 0;
    const query: ChildrenQuery = { ...this.#query, limit: Math.min(begun ? nextPage : firstPage, gap.size) };
    if (side === "tail") query.from = "end";
    const cursor = this.#next[side];
    if (begun && cursor) query.cursor = cursor;
    try {
      const page = await this.#source.children(this.#id, query, run.signal);
      if (side === "head") this.#head = this.#head.concat(page.items);
      else this.#tail = page.items.concat(this.#tail);
      this.#next[side] = page.next;
      this.#filling = null; // who sees the new rows may ask for more at once
      this.#join();
    } catch (error) {
      if (!run.signal.aborted) this.problem = asProblem(error); // the rows that are here stay
    }
  }

  #query: ChildrenQuery = {};

  #join(): void {
    const size = Math.max(0, this.total - this.#head.length - this.#tail.length);
    this.gap = size > 0 ? { at: this.#head.length, size } : null;
    this.rows = this.#tail.length > 0 ? this.#head.concat(this.#tail) : this.#head;
  }

  async #load(): Promise<void> {
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    const query: ChildrenQuery = { limit: firstPage, sort: this.sort, order: this.order };
    const here = this.filter === "" || this.#all !== null; // the filter is ours, not the server's
    if (!here) query.q = this.filter;
    const begins = this.#query.sort !== query.sort || this.#query.order !== query.order || this.#query.q !== query.q;
    const end = begins ? 0 : this.#tail.length; // of the same list: read again too
    if (begins) this.#tail = [];
    this.#query = query;
    try {
      const [folder, first] = await Promise.all([
        this.#source.node(this.#id, run.signal),
        this.#source.children(this.#id, query, run.signal),
      ]);
      let rows: Node[] = first.items;
      let next = first.next;
      const keep = this.rows.length > firstPage; // a refresh must not make a long list short for a moment
      const show = (): void => {
        this.folder = folder;
        this.#all = here && !next ? rows : null;
        if (this.#all) {
          if (this.sort === "name") this.#rank = new Map(rows.map((n, i) => [n.id, this.order === "asc" ? i : -i]));
          this.#filter(this.#all);
          this.gap = null;
        } else {
          this.#head = rows;
          if (end > 0) this.#tail = [];
          this.#next = end > 0 ? { head: next } : { ...this.#next, head: next };
          this.total = first.total;
          this.#join();
        }
        this.phase = "ready";
        this.problem = null;
      };
      if (!keep) show();
      while (next && rows.length < mostRows) {
        const page = await this.#source.children(this.#id, { ...query, limit: nextPage, cursor: next }, run.signal);
        rows = rows.concat(page.items);
        next = page.next;
        if (!keep) show();
      }
      show();
      if (end > 0) await this.fill("tail");
    } catch (error) {
      if (run.signal.aborted) return;
      this.problem = asProblem(error);
      this.phase = "error";
    }
  }
}

/** As the server sorts: folders first, then by what is asked, then by id. */
export function sorted(rows: readonly Node[], by: Sort, order: Order, rank: ReadonlyMap<string, number>): Node[] {
  const way = order === "asc" ? 1 : -1;
  const value = (n: Node): number => (by === "size" ? n.size : by === "changed" ? n.changed_at : (rank.get(n.id) ?? 0));
  const keyed = rows.map((node) => ({ node, first: node.kind === "folder" ? 0 : 1, value: value(node) })); // asked once each, not at each comparison
  keyed.sort((a, b) => a.first - b.first || way * (a.value - b.value || (a.node.id < b.node.id ? -1 : 1)));
  return keyed.map((one) => one.node);
}
