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
      const from = Number(query.cursor ?? 0); // how many came before, from the side that was asked for
      const to = from + (query.limit ?? 200);
      const items = query.from === "end" ? rows.slice(Math.max(0, rows.length - to), rows.length - from) : rows.slice(from, to);
      return { items, total: rows.length, ...(to < rows.length ? { next: String(to) } : {}) };
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
    await list.refresh();
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

it("reaches the end of a very long folder at once, and fills the gap from both sides", async () => {
  const { list, asked, all } = folderOf(45_000);
  await list.open("f", "name", "asc");
  expect(list.rows.length).toBeLessThan(25_000);
  expect(list.gap).toEqual({ at: list.rows.length, size: 45_000 - list.rows.length });
  const at = list.rows.length;

  const before = asked.length;
  await list.fill("tail");
  expect(asked.slice(before)).toMatchObject([{ from: "end", limit: 200 }]);
  expect(list.rows.at(-1)?.id).toBe(all.at(-1)?.id);
  expect(list.rows[at]?.id).toBe(all[44_800]?.id);
  expect(list.gap).toEqual({ at, size: 45_000 - at - 200 });

  await list.fill("tail");
  await list.fill("head");
  expect(list.rows[list.gap?.at ?? 0]?.id).toBe(all[39_800]?.id);
  expect(list.gap?.at).toBe(at + 5000);

  while (list.gap) await list.fill("head");
  expect(list.rows.map((n) => n.id)).toEqual(all.map((n) => n.id));
});

it("keeps the end of a very long folder when it is read again, and forgets it in another order", async () => {
  const { list, all } = folderOf(30_000);
  await list.open("f", "name", "asc");
  await list.fill("tail");
  await list.refresh();
  expect(list.rows.at(-1)?.id).toBe(all.at(-1)?.id);
  await list.open("f", "name", "desc");
  expect(list.gap?.at).toBe(list.rows.length);
});
