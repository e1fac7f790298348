// How a file is cut for uploads that go on: pieces that are sent at the same
// time, each a multiple of the size in which the server seals. Knows numbers only.

const mib = 2 ** 20;
/** The server seals a file in at most so many parts of at least 8 MiB. */
const smallestPart = 8 * mib;
const mostParts = 8192;
/** From here on several pieces at once are worth their requests. */
const manyFrom = 32 * mib;
const most = 3;

/** One address at the server, and the bytes of the file that it takes. */
export interface Piece {
  id: string;
  first: number;
  size: number;
}

/** Smaller files are sent in one request and again from their start. */
export function goesOn(size: number): boolean {
  return size > smallestPart;
}

/** How many connections a file of this size uses. */
export function linesFor(size: number): number {
  return size >= manyFrom ? most : 1;
}

/** In which parts the server seals a file (content.PartLog). */
export function partSize(total: number): number {
  let part = smallestPart;
  while (total > part * mostParts) part *= 2;
  return part;
}

/** Where to begin the pieces of a file that no piece takes yet. */
export function cut(total: number, taken: readonly Omit<Piece, "id">[] = []): Omit<Piece, "id">[] {
  const part = partSize(total);
  const step = Math.ceil(total / linesFor(total) / part) * part;
  const open: Omit<Piece, "id">[] = [];
  let first = 0;
  const fill = (end: number): void => {
    for (; first < end; first = Math.min(first + step, end)) open.push({ first, size: Math.min(step, end - first) });
  };
  for (const piece of [...taken].sort((a, b) => a.first - b.first)) {
    fill(piece.first);
    first = piece.first + piece.size;
  }
  fill(total);
  return open;
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** An id as the server draws them: 16 random bytes in 26 letters. */
export function drawId(): string {
  let bits = 0n;
  for (const b of crypto.getRandomValues(new Uint8Array(16))) bits = (bits << 8n) | BigInt(b);
  bits <<= 2n; // 26 letters have 130 bits
  return Array.from({ length: 26 }, (_, i) => alphabet[Number((bits >> BigInt(125 - 5 * i)) & 31n)]).join("");
}
