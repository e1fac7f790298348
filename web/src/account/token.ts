/**
 * The secret after "#" of an address, taken out of it at once, so that it stays
 * neither in the address bar nor in the history of the browser.
 */
export function takeFragment(): string {
  const secret = decodeURIComponent(location.hash.slice(1));
  if (secret) history.replaceState(history.state, "", location.pathname + location.search);
  return secret;
}

/**
 * For the pages that begin with a secret: another one was opened in the same
 * tab, which the browser takes for a move inside the page. Begin anew.
 */
export function reloadForFragment() {
  if (location.hash.length > 1) location.reload();
}
