// Large copies that the server goes on with, as the tray shows them. Whoever
// started one waits for its results; one from before a reload is found again.
import { api, ok } from "../api/api";
import { asProblem, offline, type ApiProblem } from "../api/problem";
import type { BatchResult, Job } from "../api/types";

/** How a job ended that somebody cancelled. */
export class Cancelled extends Error {}

/** Pauses between two looks at a job, in milliseconds; the last one repeats. */
const pauses = [150, 300, 600, 1000];

export class Work {
  readonly id: string;
  /** What is copied, in words; "" when that was before a reload. */
  readonly what: string;
  job = $state.raw<Job>({} as Job);
  cancelling = $state(false);

  constructor(job: Job, what: string) {
    this.id = job.id;
    this.what = what;
    this.job = job;
  }

  get running(): boolean {
    return this.job.state === "waiting" || this.job.state === "running";
  }

  /** 0 to 1; one only when it is over. */
  get share(): number {
    return this.running ? Math.min(0.99, this.job.done / Math.max(1, this.job.total)) : 1;
  }
}

export class Works {
  items = $state.raw<readonly Work[]>([]);

  get running(): boolean {
    return this.items.some((one) => one.running);
  }

  /** Waits until a job is over and returns its results. Rejects with Cancelled, or when it cannot be asked for. */
  async follow(job: Job, what = ""): Promise<BatchResult[]> {
    const work = new Work(job, what);
    this.items = [...this.items.filter((one) => one.running), work];
    for (let turn = 0; work.running; turn++) {
      await new Promise((next) => setTimeout(next, pauses[Math.min(turn, pauses.length - 1)]));
      try {
        work.job = await ok(api.GET("/jobs/{id}", { params: { path: { id: work.id } } }));
      } catch (e) {
        if (asProblem(e).code === offline) continue; // the server goes on without us
        this.items = this.items.filter((one) => one !== work);
        throw e;
      }
    }
    if (work.job.state === "cancelled") throw new Cancelled();
    return work.job.results ?? [];
  }

  async cancel(work: Work): Promise<ApiProblem | undefined> {
    work.cancelling = true;
    try {
      work.job = await ok(api.DELETE("/jobs/{id}", { params: { path: { id: work.id } } }));
      return undefined;
    } catch (e) {
      work.cancelling = false;
      return asProblem(e);
    }
  }

  /** Follows what goes on since before a reload; arrived is told the folder of each that is over. */
  async resume(arrived: (folder: string) => void): Promise<void> {
    const list = await ok(api.GET("/jobs"));
    for (const job of list.items) {
      if ((job.state !== "waiting" && job.state !== "running") || this.items.some((one) => one.id === job.id)) continue;
      void this.follow(job)
        .catch(() => undefined) // the tray tells
        .then(() => arrived(job.to));
    }
  }

  /** Forgets what is over (closing the tray). */
  clear(): void {
    this.items = this.items.filter((one) => one.running);
  }
}

export const works = new Works();
