// What a person does with the nodes of the folder on the screen: selecting,
// opening, and the acts with their undo. Knows the listing and the server's
// verbs; the components only draw it.

import { ApiProblem } from "../api/problem";
import { keys, queryClient } from "../api/query";
import type { BatchResult, Crumb, Node } from "../api/types";
import { fmt, t } from "../i18n";
import { toasts } from "../state/toasts.svelte";
import type { Listing } from "./listing.svelte";
import { othersOn } from "./reach";
import * as server from "./server";
import { teamAt } from "./roots.svelte";
import { nothing, prune, type Selection } from "./selection";
import { Cancelled } from "./works.svelte";

export interface Place {
  id: string;
  name: string;
}

interface Clipboard {
  op: "move" | "copy";
  nodes: readonly Node[];
}

export interface Question {
  title: string;
  text: string;
  act: string;
  go: () => unknown;
}

/** "“Report.pdf”" or "3 items": what an act was done to. */
export function itemsText(nodes: readonly { name: string }[]): string {
  const [first] = nodes;
  return first && nodes.length === 1 ? t.files.one(first.name) : fmt.plural(nodes.length, t.files.items);
}

/** A folder's name as people see it: the root of a space has none of its own. */
export function placeName(crumb: { id: string; name: string }): string {
  return crumb.name === "" ? (teamAt(crumb.id)?.name ?? t.files.title) : crumb.name;
}

/** Where a thing found elsewhere is; what others gave without the folders above is in none that one knows. */
export function placeOf(node: Node): string {
  return (node.path ?? []).map(placeName).join(" / ") || t.nav.shared;
}

/** The rows that acts are done to: a folder's, or what was found in many. */
export interface Rows {
  readonly id: string;
  readonly folder: Node | null;
  readonly rows: readonly Node[];
  refresh(): Promise<unknown>;
}

export class Manager<L extends Rows = Listing> {
  readonly listing: L;

  constructor(listing: L) {
    this.listing = listing;
  }

  selection = $state.raw<Selection>(nothing);
  clipboard = $state.raw<Clipboard | null>(null);
  /** What waits for a yes, because it lets more people in. */
  asking = $state.raw<Question | null>(null);

  readonly order = $derived.by(() => this.listing.rows.map((n) => n.id));
  readonly selected = $derived.by(() => this.listing.rows.filter((n) => this.selection.ids.has(n.id)));
  readonly totalSize = $derived(this.selected.reduce((sum, n) => sum + n.size, 0));

  /** What an act from the keyboard is about: the selection, else the focused row. */
  get target(): readonly Node[] {
    if (this.selected.length > 0) return this.selected;
    const focused = this.listing.rows.find((n) => n.id === this.selection.focus);
    return focused ? [focused] : [];
  }

  get here(): Place {
    const folder = this.listing.folder;
    return { id: this.listing.id, name: folder ? placeName(folder) : "" };
  }

  get path(): readonly Crumb[] {
    return this.listing.folder?.path ?? [];
  }

  get mayWrite(): boolean {
    return this.listing.folder?.access !== undefined && this.listing.folder.access !== "view";
  }

  /** Reads the folder again and keeps what is still there selected. */
  async refresh(): Promise<void> {
    const before = this.order;
    await this.listing.refresh();
    this.selection = prune(this.selection, before, this.order);
    void queryClient.invalidateQueries({ queryKey: keys.spaces });
    void queryClient.invalidateQueries({ queryKey: keys.nodes });
    void queryClient.invalidateQueries({ queryKey: keys.trash });
  }

  async trash(nodes: readonly Node[]): Promise<void> {
    const gone = await this.#each("trash", nodes);
    if (gone.length === 0) return;
    const others = gone[0] && gone.length === 1 ? othersOn(gone[0]) : 0;
    toasts.done(others > 0 ? t.files.trashedShared(itemsText(gone), others, fmt.number(others)) : t.files.trashed(itemsText(gone)), async () => {
      await this.#each("restore", gone);
      toasts.done(t.files.restored(itemsText(gone)));
    });
  }

  move(nodes: readonly Node[], to: Place): Promise<void> {
    return this.#unlessWider("move", nodes, to, () => this.#move(nodes, to));
  }

  copy(nodes: readonly Node[], to: Place): Promise<void> {
    return this.#unlessWider("copy", nodes, to, () => this.#copy(nodes, to));
  }

  /** Asks before something lets more people in, and names them; else goes on at once. */
  async #unlessWider(op: Clipboard["op"], nodes: readonly Node[], to: Place, go: () => Promise<void>): Promise<void> {
    let names: string[];
    try {
      names = nodes.every((n) => n.parent_id === to.id) ? [] : await server.gaining(nodes, to.id);
    } catch (e) {
      toasts.problem(e);
      return;
    }
    const [first] = names;
    if (first === undefined) return go();
    const what = nodes[0] && nodes.length === 1 ? t.files.one(nodes[0].name) : fmt.plural(nodes.length, t.files.these);
    this.asking = {
      title: (op === "move" ? t.files.dropMove : t.files.dropCopy)(itemsText(nodes), to.name),
      text: t.files.widens(first, names.length - 1, fmt.number(names.length - 1), what),
      act: op === "move" ? t.files.move : t.copy,
      go,
    };
  }

  async #move(nodes: readonly Node[], to: Place): Promise<void> {
    const moved = await this.#each("move", nodes, to);
    if (moved.length === 0) return;
    const homes = new Set(moved.map((n) => n.parent_id));
    const undo = async (): Promise<void> => {
      for (const home of homes) if (home) await this.#each("move", moved.filter((n) => n.parent_id === home), { id: home, name: "" });
    };
    toasts.done(t.files.moved(itemsText(moved), to.name), homes.has(undefined) ? undefined : undo);
  }

  async #copy(nodes: readonly Node[], to: Place): Promise<void> {
    const made: Node[] = [];
    const done = await this.#each("copy", nodes, to, (r) => r.node && made.push(r.node));
    if (done.length === 0) return;
    toasts.done(t.files.copied(itemsText(done), to.name), async () => {
      await this.#each("trash", made);
    });
  }

  /** Renames; throws the problem, because the dialog shows it beside the field. */
  async rename(node: Node, name: string): Promise<void> {
    const renamed = await server.rename(node, name);
    await this.refresh();
    toasts.done(t.files.renamed(t.files.one(name)), async () => {
      await server.rename(renamed, node.name);
      await this.refresh();
    });
  }

  /** Makes a folder here; throws the problem. */
  async makeFolder(name: string): Promise<void> {
    const made = await server.makeFolder(this.listing.id, name, "fail");
    await this.refresh();
    this.selection = { ids: new Set([made.id]), focus: made.id, anchor: made.id };
    toasts.done(t.files.folderMade(t.files.one(made.name)), async () => {
      await this.#each("trash", [made]);
    });
  }

  take(op: Clipboard["op"], nodes: readonly Node[]): void {
    if (nodes.length === 0) return;
    this.clipboard = { op, nodes };
    toasts.done(op === "move" ? t.files.cut(itemsText(nodes)) : t.files.copiedForPaste(itemsText(nodes)));
  }

  async paste(): Promise<void> {
    const held = this.clipboard;
    if (!held) return;
    if (held.op === "copy") return this.copy(held.nodes, this.here);
    this.clipboard = null;
    await this.move(held.nodes, this.here);
  }

  /** Downloads by an address, so that the browser streams to the disk. */
  download(nodes: readonly Node[]): void {
    server.download(nodes).catch((e: unknown) => toasts.problem(e));
  }

  /** Does one thing to each node and says what failed. Returns those that worked. */
  async #each(
    op: "trash" | "restore" | "move" | "copy",
    nodes: readonly Node[],
    to?: Place,
    seen?: (result: BatchResult) => unknown,
  ): Promise<readonly Node[]> {
    if (nodes.length === 0) return [];
    try {
      const results = await server.batch(op, nodes.map((n) => n.id), to?.id, op === "copy" ? "keep_both" : undefined, itemsText(nodes));
      for (const r of results) seen?.(r);
      const refused = results.find((r) => r.problem)?.problem;
      if (refused) toasts.problem(new ApiProblem(refused));
      const failed = new Set(results.filter((r) => r.problem).map((r) => r.id));
      return nodes.filter((n) => !failed.has(n.id));
    } catch (e) {
      if (e instanceof Cancelled) toasts.done(t.files.work.cancelled);
      else toasts.problem(e);
      return [];
    } finally {
      await this.refresh();
    }
  }
}
