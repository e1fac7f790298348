import { expect, it } from "vitest";
import type { ChildrenQuery, Node } from "../../src/api/types";
import { Listing, sorted, type ListingSource } from "../../src/files/listing.svelte";

// A folder of so many files, sorted by a server of a few lines.
function folderOf(count: number) {
  const asked: ChildrenQuery[] = [];
  const all = Array.from({ length: count }, (_, i) => ({ id: `n${String(i).padStart(5, "0")}`, kind: i < 2 ? "folder" : "file", name: `Caf\u00e9 ${i}`, size: i < 2 ? 0 : (i * 7919) % 1000, changed_at: (i * 104729) % 5000 }) as Node);
  const source: ListingSource = {
    node: async (id) => ({ id, name: "f" }) as Node,
    children: async (_, query) => {
      asked.push(query);
      const rank = new Map(all.map((n, i) => [n.id, i]));
      const rows = sorted(all, query.sort ?? "name", query.order ?? "asc", rank).filter((n) => !query.q || n.name.includes(query.q));
      const from = Number(query.cursor ?? 0);
      const to = from + (query.limit ?? 200);
      return { items: rows.slice(from, to), total: rows.length, ...(to < rows.length ? { next: String(to) } : {}) };
    },
  };
  return { list: new Listing(source), asked, all };
}

it("sorts rows that are all here at once, as the server does", async () => {
  const { list } = folderOf(450);
  await list.open("f", "name", "asc");
  for (const [by, order] of [["size", "desc"], ["changed", "asc"], ["name", "desc"], ["name", "asc"], ["size", "asc"]] as const) {
    const coming = list.open("f", by, order);
    const here = list.rows.map((n) => n.id);
    await coming;
    expect(here, `${by} ${order}`).toEqual(list.rows.map((n) => n.id));
    expect(here.length).toBe(450);
  }
});

it("filters rows that are all here without the server", async () => {
  const { list, asked } = folderOf(450);
  await list.open("f", "name", "asc");
  const before = asked.length;
  await list.search("cafe 44");
  expect(list.rows.map((n) => n.name)).toEqual(["Caf\u00e9 44", "Caf\u00e9 144", "Caf\u00e9 244", "Caf\u00e9 344", ...Array.from({ length: 10 }, (_, i) => `Caf\u00e9 44${i}`)]);
  expect(list.total).toBe(14);
  expect(asked.length).toBe(before);
  await list.refresh();
  expect(list.total).toBe(14);
  await list.search("");
  expect(list.total).toBe(450);
});

it("leaves very long folders to the server", async () => {
  const { list, asked, all } = folderOf(20_300);
  await list.open("f", "name", "asc");
  expect(list.rows.length).toBeLessThan(all.length);
  expect(list.total).toBe(20_300);
  await list.search("Caf\u00e9 20299");
  expect(asked.at(-1)?.q).toBe("Caf\u00e9 20299");
  expect(list.total).toBe(1);
});
