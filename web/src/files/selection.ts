// Which rows of a list are selected, with the row that has focus and the row
// that a range starts from. Pure: it knows ids and their order, no elements.

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The row with focus (roving tabindex), or null in an empty list. */
  readonly focus: string | null;
  /** Where Shift starts a range. */
  readonly anchor: string | null;
}

export const nothing: Selection = { ids: new Set(), focus: null, anchor: null };

/** Select one row alone. */
export function only(id: string): Selection {
  return { ids: new Set([id]), focus: id, anchor: id };
}

/** Add or remove one row (Ctrl+click, a checkbox, Space). */
export function toggle(s: Selection, id: string): Selection {
  const ids = new Set(s.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, focus: id, anchor: id };
}

/** Select from the anchor to a row (Shift+click, Shift+arrow). */
export function range(s: Selection, order: readonly string[], id: string): Selection {
  const from = Math.max(0, order.indexOf(s.anchor ?? s.focus ?? id));
  const to = order.indexOf(id);
  if (to < 0) return s;
  return {
    ids: new Set(order.slice(Math.min(from, to), Math.max(from, to) + 1)),
    focus: id,
    anchor: order[from] ?? id,
  };
}

/** Select everything; focus stays where it is. */
export function all(s: Selection, order: readonly string[]): Selection {
  return { ids: new Set(order), focus: s.focus ?? order[0] ?? null, anchor: s.anchor };
}

/** Move focus without changing what is selected. */
export function focusOn(s: Selection, id: string | null): Selection {
  return { ...s, focus: id, anchor: s.ids.size === 0 ? id : s.anchor };
}

/** Unselect everything; focus stays where it is. */
export function clear(s: Selection): Selection {
  return s.ids.size === 0 ? s : { ids: new Set(), focus: s.focus, anchor: s.focus };
}

/**
 * Drop rows that are gone. If the focused row is gone, focus goes to the row
 * that took its place, else to the one before.
 */
export function prune(s: Selection, before: readonly string[], after: readonly string[]): Selection {
  const there = new Set(after);
  const ids = new Set([...s.ids].filter((id) => there.has(id)));
  let focus = s.focus;
  if (focus !== null && !there.has(focus)) {
    const at = before.indexOf(focus);
    focus = before.slice(at + 1).find((id) => there.has(id)) ?? after[after.length - 1] ?? null;
  }
  const anchor = s.anchor !== null && there.has(s.anchor) ? s.anchor : focus;
  return { ids, focus, anchor };
}

/** The row that a movement key leads to, or null when the key is not one. */
export function moveTo(key: string, order: readonly string[], from: string | null, page: number, columns: number): string | null {
  if (order.length === 0) return null;
  const at = from === null ? -1 : order.indexOf(from);
  const last = order.length - 1;
  const step = (by: number): number => (at < 0 ? 0 : at + by);
  const to = ((): number | null => {
    switch (key) {
      case "ArrowDown":
        return step(columns);
      case "ArrowUp":
        return step(-columns);
      case "ArrowRight":
        return columns > 1 ? step(1) : null;
      case "ArrowLeft":
        return columns > 1 ? step(-1) : null;
      case "PageDown":
        return step(page * columns);
      case "PageUp":
        return step(-page * columns);
      case "Home":
        return 0;
      case "End":
        return last;
      default:
        return null;
    }
  })();
  return to === null ? null : (order[Math.min(Math.max(to, 0), last)] ?? null);
}
