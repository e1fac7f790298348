import { navigate } from "../router";
import { session } from "../state/session.svelte";
import { toasts } from "../state/toasts.svelte";

/** Ends this session and leaves for the sign-in page. */
export async function signOut() {
  try {
    await session.signOut();
  } catch (e) {
    toasts.problem(e);
    return;
  }
  toasts.forget();
  await navigate("/sign-in", { state: { signedOut: true } });
}
