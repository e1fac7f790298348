// The rows of one folder: first a page that is small enough to be there at
// once, then the rest in big pages. Knows the order and the filter, not how
// rows look.

import { asProblem, type ApiProblem } from "../api/problem";
import type { ChildrenQuery, List, Node, Sort } from "../api/types";

export type Order = "asc" | "desc";

export interface ListingSource {
  node(id: string, signal: AbortSignal): Promise<Node>;
  children(id: string, query: ChildrenQuery, signal: AbortSignal): Promise<List<Node>>;
}

/** Sizes of pages, and how many rows are held at most. */
const firstPage = 200;
const nextPage = 5000;
export const mostRows = 20_000;

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

  readonly #source: ListingSource;
  #id = "";
  #run: AbortController | null = null;

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
    if (!same) {
      this.folder = null;
      this.rows = [];
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
    await this.#load();
  }

  async #load(): Promise<void> {
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    const query: ChildrenQuery = { limit: firstPage, sort: this.sort, order: this.order };
    if (this.filter !== "") query.q = this.filter;
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
        this.rows = rows;
        this.total = first.total;
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
    } catch (error) {
      if (run.signal.aborted) return;
      this.problem = asProblem(error);
      this.phase = "error";
    }
  }
}
