// Public links as the dialog and the panel use them.
import { api, ok } from "../api/api";
import { keys } from "../api/query";
import type { Link, LinkPatch, Receipt } from "../api/types";
import { fmt } from "../i18n";
import { l } from "../i18n/share";
import { toasts } from "../state/toasts.svelte";

export type Warning = Link["warnings"][number];

export const linksQuery = (id: string) => ({ queryKey: [...keys.node(id), "links"] as const, queryFn: async (): Promise<Link[]> => (await ok(api.GET("/nodes/{id}/links", { params: { path: { id } } }))).items });

/** What the installation allows of links. */
export interface Policy {
  link_days_default: number;
  link_days_max: number | null;
  link_password_always: boolean;
  you_may: boolean;
}
/** Where nothing else is set. */
export const usual: Policy = { link_days_default: 14, link_days_max: null, link_password_always: false, you_may: true };

/** What opens a thing from outside now. */
export function live(links: readonly Link[] | undefined): { links: number; bare: number; named: number } {
  const open = (links ?? []).filter((one) => one.state === "live");
  const anyone = open.filter((one) => !one.named);
  return { links: anyone.length, bare: anyone.filter((one) => !one.has_password).length, named: open.length - anyone.length };
}

/** Whom a named link is for, as far as it is told. */
export function forWhom(link: Link): string {
  const people = link.recipients.filter((one) => one.state === "live").map((one) => one.email);
  if (people.length > 0) return l.for(fmt.list(people));
  return link.recipients.length > 0 ? l.forNobody : l.forSome;
}

/** Addresses as people type several. */
export function addressesIn(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter(Boolean))];
}

export function addPeople(id: string, emails: string[]): Promise<Link> {
  return ok(api.POST("/links/{id}/recipients", { params: { path: { id } }, body: { emails } }));
}

export async function removePerson(id: string, recipient: string): Promise<void> {
  await api.DELETE("/links/{id}/recipients/{recipient}", { params: { path: { id, recipient } } });
}

export const receiptsKey = (id: string) => ["links", id, "receipts"] as const;

/** What was done by a link, the last first. */
export async function receipts(id: string, query: { limit?: string; cursor?: string }): Promise<{ items: Receipt[]; next?: string }> {
  const page = await ok(api.GET("/links/{id}/receipts", { params: { path: { id }, query } }));
  return typeof page === "string" ? { items: [] } : page; // a table is not asked for
}

export function changeLink(id: string, patch: LinkPatch): Promise<Link> {
  return ok(api.PATCH("/links/{id}", { params: { path: { id } }, body: patch }));
}

/** Does it at once and offers to take it back; after is told when the server has it. */
export async function turnOff(link: Link, after: () => unknown): Promise<void> {
  await changeLink(link.id, { off: true });
  toasts.done(l.turnedOff, async () => {
    await changeLink(link.id, { off: false });
    await after();
  });
  await after();
}

const day = 24 * 60 * 60 * 1000;

/** Sets when a link ends, so many days from now, and offers to take it back. */
export async function extend(link: Link, days: number, after: () => unknown): Promise<void> {
  const at = Date.now() + days * day;
  await changeLink(link.id, { ends_at: at });
  toasts.done(l.extended(weekday(at)), async () => {
    await changeLink(link.id, { ends_at: link.ends_at });
    await after();
  });
  await after();
}

/** Mon 30 Nov. */
export function weekday(at: number): string {
  return new Intl.DateTimeFormat(fmt.locale, { weekday: "short", day: "numeric", month: "short" }).format(at).replace(",", "");
}

export function warningWords(link: Link, w: Warning): string {
  if (w === "many_networks") return l.warning.many_networks(fmt.number(link.opened.networks));
  if (w === "maker_left") return l.warning.maker_left(link.created_by?.name ?? "");
  return l.warning[w];
}

/** The days that a link may be made for, of those that are offered. */
export function dayChoices(policy: Policy): number[] {
  const max = policy.link_days_max ?? Infinity;
  return [...new Set([7, 14, 30, policy.link_days_default])].filter((n) => n > 0 && n <= max).sort((a, b) => a - b);
}
