/**
 * An address inside this app that is safe to go to after signing in. It comes
 * from the address bar, so it may be anybody's: only plain paths pass, nothing
 * that a browser could read as another host.
 */
export function safeNext(next: unknown): string {
  return typeof next === "string" && /^(\/[\w.~-]+)+\/?$/.test(next) ? next : "/files";
}
