import { api, ApiProblem, asProblem, ok, onSessionEnd } from "../api/api";
import { queryClient } from "../api/query";
import type { Instance, Me, Power } from "../api/types";
import { applyTheme } from "./theme";

/**
 * Who is signed in, and what anybody may know of the server. Loaded once before
 * the first page shows; pages change it through its methods only.
 */
class Session {
  instance = $state.raw<Instance>();
  me = $state.raw<Me>();
  /** Why the first load failed; the shell shows it with "Try again". */
  problem = $state.raw<ApiProblem>();
  /** The session ended under a signed-in person: the dialog "Sign in again" is open. */
  ended = $state(false);

  private loading?: Promise<void>;
  private waiting?: { promise: Promise<void>; resolve: () => void; reject: (e: unknown) => void };

  constructor() {
    onSessionEnd(() => this.waitForPerson());
  }

  /** Resolves when the first load is over, well or not. */
  ready(): Promise<void> {
    return (this.loading ??= this.load());
  }

  retry(): Promise<void> {
    this.loading = undefined;
    return this.ready();
  }

  private async load() {
    try {
      const [instance, me] = await Promise.all([
        ok(api.GET("/instance")),
        ok(api.GET("/session")).catch((e: unknown) => {
          if (e instanceof ApiProblem && e.status === 401) return undefined;
          throw e;
        }),
      ]);
      this.instance = instance;
      this.problem = undefined;
      if (me) this.begin(me);
    } catch (e) {
      this.problem = asProblem(e);
    }
  }

  /** A person signed in or changed their own settings. */
  begin(me: Me) {
    this.me = me;
    applyTheme(me.theme);
  }

  /** Refreshes what anybody may know, after setup or a change of settings. */
  async reloadInstance() {
    this.instance = await ok(api.GET("/instance"));
  }

  can(power: Power): boolean {
    return this.me?.powers?.includes(power) ?? false;
  }

  /** Forgets everything of the person in this page. */
  forget() {
    this.me = undefined;
    this.ended = false;
    queryClient.clear();
  }

  async signOut() {
    await ok(api.DELETE("/session"));
    this.forget();
  }

  private waitForPerson(): Promise<void> {
    if (!this.me) return Promise.reject(new Error("nobody is signed in"));
    if (!this.waiting) {
      let resolve = () => {};
      let reject: (e: unknown) => void = () => {};
      const promise = new Promise<void>((yes, no) => ((resolve = yes), (reject = no)));
      this.waiting = { promise, resolve, reject };
      this.ended = true;
    }
    return this.waiting.promise;
  }

  /** The person signed in again over the page: what waited goes on. Another person gets a page of their own. */
  resume(me: Me) {
    const same = this.me?.id === me.id;
    this.begin(me);
    this.ended = false;
    const waiting = this.waiting;
    this.waiting = undefined;
    if (same) waiting?.resolve();
    else location.assign("/");
  }

  /** The person does not sign in now: what waited fails, the page stays. */
  giveUp() {
    this.ended = false;
    const waiting = this.waiting;
    this.waiting = undefined;
    waiting?.reject(new Error("not signed in"));
  }
}

export const session = new Session();
