import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { api, ApiProblem, ok, onSessionEnd } from "../../src/api/api";

type Answer = { status: number; body?: unknown; header?: Record<string, string> };

/** Answers in turn and remembers what was asked. The global fetch is the edge of the browser. */
function answers(...list: (Answer | "down")[]) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`.trim());
    const a = list.shift();
    if (!a) throw new Error("one request too many");
    if (a === "down") throw new TypeError("failed to fetch");
    return new Response(a.status === 204 ? null : JSON.stringify(a.body ?? {}), { status: a.status, headers: { "Content-Type": "application/json", ...a.header } });
  });
  return asked;
}

const signedOut = { status: 401, body: { code: "unauthenticated", detail: "Sign in.", ref: "AB" } };

beforeEach(() => onSessionEnd(() => Promise.reject(new Error("nobody"))));
afterEach(() => vi.unstubAllGlobals());

const failure = (p: Promise<unknown>) => p.then(() => undefined, (e: unknown) => e as ApiProblem);

test("an answer is unwrapped", async () => {
  const asked = answers({ status: 200, body: { id: "01", name: "Anna" } });
  expect((await ok(api.GET("/session"))).name).toBe("Anna");
  expect(asked).toEqual(["GET /api/v1/session"]);
});

test("a problem document becomes an ApiProblem", async () => {
  answers({ status: 429, body: { code: "limited", detail: "Too many tries.", ref: "7Q2M-4K", fields: { email: "x" } }, header: { "Retry-After": "240" } });
  const p = await failure(ok(api.POST("/session", { body: { email: "a", password: "b" } })));
  expect(p).toBeInstanceOf(ApiProblem);
  expect(p).toMatchObject({ status: 429, code: "limited", ref: "7Q2M-4K", retryAfter: 240, fields: { email: "x" }, message: "Too many tries." });
});

test("an answer of something else than the API is told apart", async () => {
  vi.stubGlobal("fetch", async () => new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "X-Request-Id": "R1" } }));
  expect(await failure(ok(api.GET("/spaces")))).toMatchObject({ code: "broken", status: 502, ref: "R1" });
});

test("no answer is told apart", async () => {
  answers("down");
  expect(await failure(ok(api.GET("/spaces")))).toMatchObject({ code: "offline", status: 0 });
});

test("an ended session asks the person and repeats the request, body included", async () => {
  const asked = answers(signedOut, { status: 200, body: { name: "B" } });
  const again = vi.fn(async () => {});
  onSessionEnd(again);
  expect((await ok(api.PATCH("/me", { body: { name: "B" } }))).name).toBe("B");
  expect(again).toHaveBeenCalledOnce();
  expect(asked).toEqual(['PATCH /api/v1/me {"name":"B"}', 'PATCH /api/v1/me {"name":"B"}']);
});

test("a person who does not sign in again leaves the request failed", async () => {
  answers(signedOut);
  expect(await failure(ok(api.GET("/spaces")))).toMatchObject({ code: "unauthenticated" });
});

test("a wrong password is not an ended session", async () => {
  const again = vi.fn(async () => {});
  onSessionEnd(again);
  answers({ status: 401, body: { code: "wrong_login", detail: "no" } });
  expect(await failure(ok(api.POST("/session", { body: { email: "a", password: "b" } })))).toMatchObject({ code: "wrong_login" });
  expect(again).not.toHaveBeenCalled();
});
