// Dates, sizes, plurals and lists in the person's language and zone. Nothing
// here holds words but through the messages passed in.

/** Forms of a plural message; "other" is always there (CLDR names). */
export type Plural = { one?: string; two?: string; few?: string; many?: string; zero?: string; other: string };

/** Marks a value that came from outside (a name): kept apart from the sentence's direction, and shown strong by <Rich>. */
export function iso(value: string): string {
  return "\u2068" + value.replace(/[\u2066-\u2069\u202a-\u202e\u200e\u200f\u061c]/g, "") + "\u2069";
}

export interface TimeWords {
  today: (time: string) => string;
  yesterday: (time: string) => string;
  /** The same in the middle of a sentence. */
  todayInside: (time: string) => string;
  yesterdayInside: (time: string) => string;
}

const day = 24 * 60 * 60 * 1000;

export class Formats {
  private cache = new Map<string, Intl.DateTimeFormat>();
  private numbers: Intl.NumberFormat;
  private plurals: Intl.PluralRules;

  /** zone: IANA name, default the browser's. */
  constructor(
    readonly locale: string,
    private words: TimeWords,
    readonly zone?: string,
  ) {
    this.numbers = new Intl.NumberFormat(locale);
    this.plurals = new Intl.PluralRules(locale);
  }

  private dates(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = JSON.stringify(options);
    let f = this.cache.get(key);
    if (!f) this.cache.set(key, (f = new Intl.DateTimeFormat(this.locale, { ...options, timeZone: this.zone })));
    return f;
  }

  number(n: number): string {
    return this.numbers.format(n);
  }

  /** plural("3 files"): the form for n, with "#" replaced by the number. */
  plural(n: number, forms: Plural): string {
    return (forms[this.plurals.select(n)] ?? forms.other).replaceAll("#", this.number(n));
  }

  list(items: string[]): string {
    return new Intl.ListFormat(this.locale, { type: "conjunction" }).format(items);
  }

  /** Bytes for people: 812 bytes, 38 KB, 1.8 MB, 612 MB; 1 MB is 1,000,000 bytes. */
  size(bytes: number): string {
    const units = ["KB", "MB", "GB", "TB", "PB"];
    if (bytes < 1000) return this.plural(bytes, { one: "# byte", other: "# bytes" });
    let value = bytes;
    let unit = -1;

    do {
      value /= 1000;
      unit++;
    } while (value >= 999.5 && unit < units.length - 1);
    const digits = unit === 0 || value >= 99.95 ? 0 : 1;
    const text = new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits }).format(value);
    return `${text}\u00a0${units[unit]}`;
  }

  time(at: number): string {
    return this.dates({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
  }

  private dayKey(at: number): string {
    return this.dates({ year: "numeric", month: "numeric", day: "numeric" }).format(at);
  }

  /** Today, 11:42 / Yesterday, 16:20 / 20 Nov / 20 Nov 2025. */
  when(at: number, now = Date.now()): string {
    return this.moment(at, now, this.words.today, this.words.yesterday);
  }

  /** The same for the middle of a sentence: today, 11:42. */
  whenInside(at: number, now = Date.now()): string {
    return this.moment(at, now, this.words.todayInside, this.words.yesterdayInside);
  }

  private moment(at: number, now: number, today: (time: string) => string, yesterday: (time: string) => string): string {
    if (this.dayKey(at) === this.dayKey(now)) return today(this.time(at));
    if (this.dayKey(at) === this.dayKey(now - day)) return yesterday(this.time(at));
    const sameYear = this.dates({ year: "numeric" }).format(at) === this.dates({ year: "numeric" }).format(now);
    return this.dates({ day: "numeric", month: "short", year: sameYear ? undefined : "numeric" }).format(at);
  }

  /** The whole stamp, for tooltips and details: Monday 23 November 2026, 12:36:08 CET. */
  stamp(at: number): string {
    const date = this.dates({ weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(at);
    const time = this.dates({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" }).format(at);
    return `${date}, ${time}`;
  }
}
