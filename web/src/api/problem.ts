import type { Problem } from "./types";

/** Codes that this side makes itself, where no answer came from the server. */
export const offline = "offline";
export const broken = "broken";

/**
 * ApiProblem is every failure of a request: the server's problem document, or
 * one made here when the server could not be reached ("offline") or answered
 * something else than its API ("broken").
 */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  /** Request id, shown to people and found in the server's log. */
  readonly ref: string;
  readonly fields: Record<string, string>;
  readonly suggestion?: string;
  readonly existing?: string;
  /** over_quota: the numbers. */
  readonly room?: Problem["room"];
  /** Seconds after which a repeat makes sense, from Retry-After. */
  readonly retryAfter?: number;

  constructor(p: Partial<Problem> & { code: string }, retryAfter?: number) {
    super(p.detail || p.title || p.code);
    this.name = "ApiProblem";
    this.status = p.status ?? 0;
    this.code = p.code;
    this.ref = p.ref ?? "";
    this.fields = p.fields ?? {};
    this.suggestion = p.suggestion;
    this.existing = p.existing;
    this.room = p.room;
    this.retryAfter = retryAfter;
  }
}

/** problemOf makes an ApiProblem of a failed answer. body is its text. */
export function problemOf(status: number, header: (name: string) => string | null, body: string): ApiProblem {
  const after = Number(header("Retry-After"));
  const retryAfter = Number.isFinite(after) && after > 0 ? after : undefined;
  try {
    const p = JSON.parse(body) as Problem;
    if (p && typeof p.code === "string") return new ApiProblem({ ...p, status }, retryAfter);
  } catch {
    // Not JSON: something between us and the server answered.
  }
  return new ApiProblem({ code: broken, status, ref: header("X-Request-Id") ?? "" }, retryAfter);
}

/** asProblem gives any thrown value the shape that error areas show. */
export function asProblem(e: unknown): ApiProblem {
  if (e instanceof ApiProblem) return e;
  return new ApiProblem({ code: broken, detail: e instanceof Error ? e.message : String(e) });
}
