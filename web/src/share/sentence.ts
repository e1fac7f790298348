// The sentence of the answer card: who can open this. One message per case.
import { fmt } from "../i18n";
import type { Plural } from "../i18n/format";
import { s } from "../i18n/share";

export interface Facts {
  kind: "file" | "folder";
  /** Everybody who has access, groups unfolded, the owner included. */
  people: number;
  /** The one person is who looks. */
  onlyYou: boolean;
  /** Links that open it now, and how many of them without a password. */
  links: number;
  bare: number;
  /** Others, each for certain people. */
  named: number;
}

export function sentence(f: Facts): string {
  const [links, bare] = [fmt.number(f.links), f.bare === 1 ? s.answer.bare.one : fmt.plural(f.bare, s.answer.bare)];
  const pick = <T>(m: { none: T; link: T; linkPassword: T; links: (n: string) => T; linksOpen: (n: string) => T; linksMixed: (n: string, bare: string) => T }): T => {
    if (f.links === 0) return m.none;
    if (f.links === 1) return f.bare ? m.link : m.linkPassword;
    if (f.bare === 0) return m.links(links);
    return f.bare === f.links ? m.linksOpen(links) : m.linksMixed(links, bare);
  };
  const words = s.answer[f.kind];
  const first = f.onlyYou ? pick<string>(words.you) : fmt.plural(f.people, pick<Plural>(words.people));
  return f.named > 0 ? `${first} ${f.named === 1 ? s.answer.named.one : fmt.plural(f.named, s.answer.named)}` : first;
}

/** The glyph that goes with the sentence. */
export function glyph(f: Facts): "you" | "people" | "link" {
  if (f.links + f.named > 0) return "link";
  return f.onlyYou ? "you" : "people";
}
