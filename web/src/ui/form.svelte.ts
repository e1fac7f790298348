import { asProblem } from "../api/problem";
import { t } from "../i18n";
import { explain } from "./explain";

export type Errors<F extends string> = Partial<Record<F, string>>;

interface Options<F extends string> {
  /** Names of the fields, in the order in which the summary lists them. */
  fields: readonly F[];
  /** What is wrong with what is typed now, one sentence per field. */
  check: () => Errors<F>;
  /** The server's codes that belong to a field. */
  codes?: Record<string, F>;
}

let forms = 0;

/**
 * The state of one form. Nothing is checked before the first submit; after a
 * failed one every key press checks again. A field that the server refused
 * stays marked until it is changed.
 */
export class FormState<F extends string> {
  readonly id = `form${++forms}`;
  busy = $state(false);
  /** A failure that belongs to no field. */
  general = $state.raw<{ text: string; ref: string }>();
  /** Grows with every failed submit: the summary takes the focus then. */
  failures = $state(0);
  private refused = $state<Errors<F>>({});
  private checked = $state<Errors<F>>({});
  private tried = false;

  constructor(private options: Options<F>) {}

  inputId(field: F): string {
    return `${this.id}-${field}`;
  }

  error(field: F): string | undefined {
    return this.checked[field] ?? this.refused[field];
  }

  /** Fields that are wrong, in order. */
  get wrong(): { field: F; text: string }[] {
    return this.options.fields.flatMap((field) => {
      const text = this.error(field);
      return text ? [{ field, text }] : [];
    });
  }

  get failed(): boolean {
    return this.wrong.length > 0 || this.general !== undefined;
  }

  /** To call at every input; field is the name of what changed. */
  changed(field?: string) {
    if (field && field in this.refused) delete this.refused[field as F];
    if (this.tried) this.checked = this.options.check();
  }

  refuse(field: F, text: string) {
    this.refused[field] = text;
  }

  /** Checks, and runs act when all is well. True when it was done. */
  async submit(act: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.tried = true;
    this.general = undefined;
    this.refused = {};
    this.checked = this.options.check();
    if (this.wrong.length > 0) {
      this.failures++;
      return false;
    }
    this.busy = true;
    try {
      await act();
      this.tried = false;
      return true;
    } catch (e) {
      this.take(e);
      this.failures++;
      return false;
    } finally {
      this.busy = false;
    }
  }

  private take(e: unknown) {
    const p = asProblem(e);
    const said = explain(p);
    // The server's sentence about a field knows the most; a code comes second.
    for (const [name, text] of Object.entries(p.fields)) {
      const known = this.options.fields.find((one) => one === name);
      if (known) this.refused[known] = text;
    }
    const field = this.options.codes?.[p.code];
    if (field && this.wrong.length === 0) this.refused[field] = said.text;
    if (this.wrong.length === 0) this.general = p.code === "offline" ? { text: t.form.noServer, ref: "" } : { text: said.text, ref: p.status >= 500 ? said.ref : "" };
  }
}
