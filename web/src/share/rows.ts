// Who has access, as the dialog lists it: the owner, then people, then groups,
// each once, whatever number of grants they have.
import type { Answer, Grant, Sharing } from "../api/types";

export interface Row {
  key: string;
  kind: "person" | "group";
  id: string;
  name: string;
  email?: string;
  role: Grant["role"];
  /** The grant that the row is about; none of the owner of a personal space. */
  grant?: Grant;
  /** Others by which the same person or group has access, from folders above. */
  also: Grant[];
  /** Of a group: its people, as far as they can open this. */
  members: { id: string; name: string }[];
}

const order: Record<Grant["role"], number> = { owner: 0, manage: 1, edit: 2, view: 3 };

/** The grant on the thing itself comes first; else the strongest of those above. */
function before(a: Grant, b: Grant): number {
  return Number(a.inherited) - Number(b.inherited) || order[a.role] - order[b.role];
}

export function rowsOf(sharing: Sharing, answer: Pick<Answer, "people">): Row[] {
  const email = new Map(answer.people.map((p) => [p.id, p.email]));
  const all = new Map<string, Grant[]>();
  for (const g of sharing.items) {
    const of = g.kind === "group" ? `g${g.group_id}` : `p${g.user_id}`;
    all.set(of, [...(all.get(of) ?? []), g]);
  }
  const rows: Row[] = [];
  for (const [key, grants] of all) {
    const [grant, ...also] = grants.sort(before);
    if (!grant) continue;
    const id = grant.user_id ?? grant.group_id ?? "";
    const ids = new Set(grants.map((g) => g.id));
    const members = grant.kind === "group" ? answer.people.filter((p) => p.ways.some((w) => w.grant && ids.has(w.grant))).map(({ id: of, name }) => ({ id: of, name })) : [];
    rows.push({ key, kind: grant.kind, id, name: grant.name, email: grant.email ?? email.get(id), role: grant.role, grant, also, members });
  }
  const owner = sharing.owner;
  if (owner) {
    // What the owner was given beside is no way of its own.
    const at = rows.findIndex((r) => r.kind === "person" && r.id === owner.id);
    if (at >= 0) rows.splice(at, 1);
    rows.push({ key: `p${owner.id}`, kind: "person", id: owner.id, name: owner.name, email: email.get(owner.id), role: "owner", also: [], members: [] });
  }
  const rank = (r: Row): number => (r.kind === "group" ? 2 : r.role === "owner" ? 0 : 1);
  return rows.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}
