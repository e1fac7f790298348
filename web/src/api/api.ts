import createClient, { type ClientMethod, type FetchResponse } from "openapi-fetch";
import { ApiProblem, offline, problemOf } from "./problem";
import type { paths } from "./types";

export { ApiProblem, asProblem } from "./problem";

/** Where the API stands on this host. */
export const base = "/api/v1";

/** Routes that answer 401 for a wrong password, not for a session that ended. */
const provesPassword = /\/(session|password|signup\/\w+|setup|tokens)$/;

/**
 * What to do when a signed-in person's session turns out to have ended: resolves
 * when the person has signed in again, rejects when not. Set by state/session.
 */
let reauthenticate: (() => Promise<void>) | undefined;
export function onSessionEnd(handler: () => Promise<void>) {
  reauthenticate = handler;
}

/** sessionEnded asks the person to sign in again; uploads use it as well. */
export function sessionEnded(problem: ApiProblem): Promise<void> {
  if (problem.status !== 401 || problem.code !== "unauthenticated" || !reauthenticate) return Promise.reject(problem);
  return reauthenticate().catch(() => Promise.reject(problem));
}

/** One request: failures throw ApiProblem, an ended session waits for the person and then goes on. */
export async function send(request: Request): Promise<Response> {
  const again = request.clone();
  let response: Response;
  try {
    response = await fetch(request);
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new ApiProblem({ code: offline });
  }
  if (response.ok) return response;
  const problem = problemOf(response.status, (name) => response.headers.get(name), await response.text());
  const asks = request.method === "GET" || !provesPassword.test(new URL(request.url).pathname);
  if (asks && problem.status === 401) {
    await sessionEnded(problem);
    return send(again);
  }
  throw problem;
}

/** api is the typed client. Use it through `ok`, which unwraps the answer. */
export const api = createClient<paths>({ baseUrl: base, fetch: send, credentials: "same-origin" });

/** ok unwraps an answer: `const me = await ok(api.GET("/session"))`. Failures have thrown ApiProblem already. */
export async function ok<T>(answer: Promise<{ data?: T; error?: unknown }>): Promise<Exclude<T, undefined>> {
  const { data } = await answer;
  return data as Exclude<T, undefined>;
}

export type { ClientMethod, FetchResponse };
