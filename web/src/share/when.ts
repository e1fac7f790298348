// Days on which access ends, as a date field has them and as they are stored.
import { fmt } from "../i18n";

/** "2026-11-30" is over at its end, in the person's own zone. 0: not a day. */
export function endOfDay(day: string): number {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return 0;
  const at = new Date(`${day}T23:59:59`).getTime();
  return Number.isFinite(at) ? at : 0;
}

/** The day of a moment, as a date field has it. */
export function dayOf(at: number): string {
  const d = new Date(at);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** A day in words: 30 November, with the year where it is another one. */
export function dayWords(at: number, now = Date.now()): string {
  const other = new Date(at).getFullYear() !== new Date(now).getFullYear();
  return new Intl.DateTimeFormat(fmt.locale, { day: "numeric", month: "long", ...(other ? { year: "numeric" } : {}) }).format(at);
}
