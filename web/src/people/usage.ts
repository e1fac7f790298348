// How much of a quota is used, for the meters of every page.

/** Which part of a quota is used, 0 to 1; nothing of no limit, all of a quota of nothing. */
export function usedShare(used: number, quota: number | undefined): number {
  if (quota === undefined) return 0;
  return quota === 0 ? 1 : Math.min(1, used / quota);
}
