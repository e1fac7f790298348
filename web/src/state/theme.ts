import type { Theme } from "../api/types";

/** Shows a theme now and remembers it for the next start (public/theme.js reads it). */
export function applyTheme(theme: Theme) {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Storage is closed to us: the theme holds until the page is left.
  }
}
