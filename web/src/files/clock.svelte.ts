/** The time, renewed each second while somebody reads it: for "Trying again in 8 s". */
import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const tick = setInterval(update, 1000);
  return () => clearInterval(tick);
});

export function now(): number {
  subscribe();
  return Date.now();
}
