// The days that recent things are grouped by, in the browser's zone.

export type Group = "today" | "yesterday" | "week" | "earlier";

export function groupOf(at: number, now = Date.now()): Group {
  const day = new Date(now);
  day.setHours(0, 0, 0, 0);
  const back = (days: number): number => new Date(day.getFullYear(), day.getMonth(), day.getDate() - days).getTime();
  if (at >= back(0)) return "today";
  if (at >= back(1)) return "yesterday";
  return at >= back((day.getDay() + 6) % 7) ? "week" : "earlier"; // weeks begin on Monday
}
