import type { ApiProblem } from "../api/problem";
import { explain } from "../ui/explain";
import { announce } from "./live.svelte";

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error";
  /** Reference of a failed request. */
  ref?: string;
  undo?: () => unknown;
  /** Milliseconds until it goes by itself; errors stay until closed. */
  life?: number;
}

/** For how long an act can be taken back: 10 minutes. */
const undoable = 10 * 60_000;

/** An act that can still be taken back, whether its toast is on the screen or not. */
export interface Undoable {
  id: number;
  text: string;
  at: number;
  undo: () => unknown;
}

class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;
  private acts: Undoable[] = [];

  /** At most three are shown: the oldest goes first, errors last. */
  private add(toast: Omit<Toast, "id">): number {
    const id = this.next++;
    this.list.push({ ...toast, id });
    while (this.list.length > 3) {
      const passing = this.list.findIndex((one) => one.kind !== "error");
      this.list.splice(passing < 0 || passing === this.list.length - 1 ? 0 : passing, 1);
    }
    return id;
  }

  /** Says that something was done. With undo it stays 10 s, else 6 s. */
  done(text: string, undo?: () => unknown): number {
    announce(text);
    const id = this.add({ text, kind: "done", undo, life: undo ? 10_000 : 6_000 });
    if (undo) this.acts = [...this.undoables(), { id, text, at: Date.now(), undo }];
    return id;
  }

  /** Says that something failed; stays until closed. */
  error(text: string, ref?: string): number {
    announce(text, "assertive");
    return this.add({ text, kind: "error", ref });
  }

  /** The failure of a request, in words. */
  problem(e: ApiProblem | unknown): number {
    const { text, ref } = explain(e);
    return this.error(text, ref);
  }

  close(id: number) {
    this.list = this.list.filter((one) => one.id !== id);
  }

  /** What can be taken back, the newest last: 10 minutes long, also after its toast has gone. */
  undoables(): Undoable[] {
    return this.acts.filter((one) => one.at > Date.now() - undoable);
  }

  /** Takes an act back, by default the newest (Ctrl+Z): each at most once. */
  async undo(id?: number): Promise<boolean> {
    const one = id === undefined ? this.undoables().at(-1) : this.undoables().find((act) => act.id === id);
    if (!one) return false;
    this.acts = this.acts.filter((act) => act !== one);
    this.close(one.id);
    try {
      await one.undo();
    } catch (e) {
      this.problem(e);
    }
    return true;
  }

  /** Another person sits here: nothing of the one before can be taken back. */
  forget() {
    this.list = [];
    this.acts = [];
  }
}

export const toasts = new Toasts();
