// The one way to text. `t` holds the messages, `fmt` the dates, sizes and
// plurals of the chosen language. Another language is another file of the type
// Messages; changing the language loads the page again.
import { en, type Messages } from "./en";
import { Formats } from "./format";

export type { Messages };
export { iso } from "./format";

export const languages = [{ id: "en", name: "English" }] as const;

export const t: Messages = en;
export const fmt = new Formats(en.locale, en.time);
