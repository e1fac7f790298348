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

class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

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
    return this.add({ text, kind: "done", undo, life: undo ? 10_000 : 6_000 });
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

  get canUndo(): boolean {
    return this.list.some((one) => one.undo);
  }

  /** Runs the newest undo, if one is on the screen: Ctrl+Z. */
  async undoLast(): Promise<boolean> {
    const last = this.list.findLast((one) => one.undo);
    if (!last) return false;
    this.close(last.id);
    await last.undo?.();
    return true;
  }
}

export const toasts = new Toasts();
