// Sizes of quotas: how they are typed and told. 1 GB is 1,000,000,000 bytes.
import { fmt } from "../i18n";
import { peopleWords } from "../i18n/people";

export const noLimit = -1;
/** The largest whole number that JSON keeps, as the server has it. */
export const most = Number.MAX_SAFE_INTEGER;

export const units = ["MB", "GB", "TB"] as const;
export type Unit = (typeof units)[number];
const scale: Record<Unit, number> = { MB: 1e6, GB: 1e9, TB: 1e12 };

/** A number of bytes as it is typed, in the largest unit that it fills. */
export function split(bytes: number): { amount: string; unit: Unit } {
  const unit = units.findLast((one) => bytes >= scale[one]) ?? "MB";
  return { amount: String(bytes / scale[unit]), unit };
}

/** What was typed, in bytes; null when it is no number. A comma is as good as a point. */
export function bytesOf(amount: string, unit: Unit): number | null {
  const text = amount.trim().replace(",", ".");
  return /^\d+(\.\d*)?$|^\.\d+$/.test(text) ? Math.round(Number(text) * scale[unit]) : null;
}

/** A quota in words. */
export function quotaWords(bytes: number): string {
  return bytes === noLimit ? peopleWords.noLimit : fmt.size(bytes);
}
