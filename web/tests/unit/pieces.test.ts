import { expect, it } from "vitest";
import type { UnfinishedUpload } from "../../src/api/types";
import { interrupted, isSame, type Interrupted } from "../../src/files/interrupted";
import { cut, drawId, goesOn, partSize } from "../../src/files/pieces";

const mib = 2 ** 20;

it("cuts a file into at most three pieces at multiples of a part", () => {
  for (const size of [9 * mib, 32 * mib - 1, 32 * mib, 40 * mib + 1, 100 * mib, 20e9, 2 ** 36, 2 ** 36 + 1, 2 ** 41 + 12345]) {
    const pieces = cut(size);
    expect(pieces.length).toBe(size < 32 * mib ? 1 : size === 32 * mib ? 2 : 3);
    let next = 0;
    for (const p of pieces) {
      expect(p.first).toBe(next);
      expect(p.first % partSize(size)).toBe(0);
      next += p.size;
    }
    expect(next).toBe(size);
  }
  expect(goesOn(8 * mib)).toBe(false);
});

it("fills the gaps that an interrupted beginning left", () => {
  const size = 100 * mib;
  const all = cut(size);
  expect(cut(size, all)).toEqual([]);
  for (let i = 0; i < all.length; i++) expect(cut(size, all.filter((_, k) => k !== i).reverse())).toEqual([all[i]]);
});

it("draws ids as the server reads them", () => {
  const ids = new Set(Array.from({ length: 200 }, drawId));
  expect(ids.size).toBe(200);
  for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{25}[048cgmrw]$/);
});

it("puts the pieces of one file together and leaves out what the page cannot go on with", () => {
  const u = (more: Partial<UnfinishedUpload>): UnfinishedUpload => ({
    id: "1", name: "Film.mov", parent: "folder", if_exists: "fail", size: 10, offset: 3, part_size: 8, partial: false, first: 0, total: 10, modified: "5", created_at: 1, expires_at: 2, ...more,
  });
  const found = interrupted([
    u({ id: "a", group: "g", partial: true, total: 25, offset: 10 }),
    u({ id: "b", group: "g", partial: true, total: 25, first: 16, size: 9, offset: 1 }),
    u({ id: "stream", size: null, total: null }),
    u({ id: "version", parent: undefined, node: "n" }),
    u({ id: "single", modified: undefined }),
  ]);
  expect(found.map((i) => [i.key, i.size, i.sent, i.begun.pieces.length])).toEqual([["g", 25, 11, 2], ["single", 10, 3, 1]]);
  const [group, single] = found as [Interrupted, Interrupted];
  const film = (size: number, lastModified: number): File => new File([new Uint8Array(size)], "Film.mov", { lastModified });
  expect(isSame(group, film(25, 5))).toBe(true);
  expect(isSame(group, film(25, 6))).toBe(false);
  expect(isSame(group, film(24, 5))).toBe(false);
  expect(isSame(single, film(10, 6))).toBe(true);
});
