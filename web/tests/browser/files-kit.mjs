// What the stories of the file manager need beyond the harness: files of every
// kind, drops as a desktop makes them, a line that can be cut, and REST as the
// signed-in page would speak it.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { deflateSync } from "node:zlib";
import { look, picture, settle, shots } from "./harness.mjs";

export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
export const noise = (bytes) => randomBytes(bytes);

/** A PDF of so many pages, each with a line of text. */
export function pdf(...lines) {
  const objects = [];
  const put = (text) => objects.push(text);
  put("<< /Type /Catalog /Pages 2 0 R >>");
  put(`<< /Type /Pages /Count ${lines.length} /Kids [${lines.map((_, i) => `${4 + 2 * i} 0 R`).join(" ")}] >>`);
  put("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  for (const line of lines) {
    const stream = `BT /F1 24 Tf 72 720 Td (${line.replace(/[()\\]/g, "\\$&")}) Tj ET`;
    put(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents ${objects.length + 2} 0 R >>`);
    put(`<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`);
  }
  let out = "%PDF-1.4\n";
  const at = objects.map((text, i) => {
    const here = out.length;
    out += `${i + 1} 0 obj\n${text}\nendobj\n`;
    return here;
  });
  const xref = out.length;
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((n) => `${String(n).padStart(10, "0")} 00000 n \n`).join("")}`;
  return Buffer.from(`${out}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
function crc32(bytes) {
  let c = 0xffffffff;
  for (const b of bytes) c = crcTable[(c ^ b) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** A picture: a PNG with a soft slope of colour. */
export function png(width = 320, height = 200, tint = [60, 130, 110]) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0, i = 0; y < height; y++) {
    rows[i++] = 0;
    for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) rows[i++] = Math.min(255, tint[c] + Math.round((110 * (x + y)) / (width + height)));
  }
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const out = Buffer.alloc(8 + data.length + 4);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), 8 + data.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

/** A sound: half a second of a tone as WAV. */
export function wav(seconds = 0.5) {
  const rate = 8000;
  const n = Math.round(rate * seconds);
  const out = Buffer.alloc(44 + n * 2);
  out.write("RIFF", 0);
  out.writeUInt32LE(36 + n * 2, 4);
  out.write("WAVEfmt ", 8);
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(rate, 24);
  out.writeUInt32LE(rate * 2, 28);
  out.writeUInt16LE(2, 32);
  out.writeUInt16LE(16, 34);
  out.write("data", 36);
  out.writeUInt32LE(n * 2, 40);
  for (let i = 0; i < n; i++) out.writeInt16LE(Math.round(8000 * Math.sin((i * 2 * Math.PI * 440) / rate)), 44 + i * 2);
  return out;
}

/** A film: what the browser itself records of a canvas, as WebM. */
export async function webm(page) {
  const text = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
    const pen = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
    const parts = [];
    recorder.ondataavailable = (e) => parts.push(e.data);
    const over = new Promise((done) => (recorder.onstop = done));
    recorder.start();
    for (let i = 0; i < 12; i++) {
      pen.fillStyle = `hsl(${i * 30} 60% 50%)`;
      pen.fillRect(0, 0, 64, 48);
      await new Promise((next) => requestAnimationFrame(next));
    }
    recorder.stop();
    await over;
    return btoa(String.fromCharCode(...new Uint8Array(await new Blob(parts).arrayBuffer())));
  });
  return Buffer.from(text, "base64");
}

/** Chooses files in the page's own picker. files: [{ name, mimeType?, buffer }]. */
export function choose(page, files) {
  return page.locator('input[data-upload="files"]').setInputFiles(files.map((f) => ({ mimeType: "application/octet-stream", ...f })));
}

/** Chooses a folder of the disk in the page's own picker. */
export function chooseFolder(page, path) {
  return page.locator('input[data-upload="folder"]').setInputFiles(path);
}

/** Drags files from the desktop onto an element and lets go. */
export async function dropFiles(page, target, files) {
  const data = await page.evaluateHandle((list) => {
    const all = new DataTransfer();
    for (const f of list) all.items.add(new File([Uint8Array.from(atob(f.data), (c) => c.charCodeAt(0))], f.name));
    return all;
  }, files.map((f) => ({ name: f.name, data: f.buffer.toString("base64") })));
  for (const type of ["dragenter", "dragover", "drop"]) await target.dispatchEvent(type, { dataTransfer: data });
}

/**
 * A line between the browser and the server. `hold(bytes)` stops every upload
 * that has sent more than that, over whichever connections; `cut()` breaks all
 * and lets none in.
 */
export async function wire() {
  let target;
  const alive = new Set();
  let open = true;
  let most = Infinity;
  let sent = 0;
  const held = new Set();
  const brought = new Map(); // bytes of each upload since the last hold
  const server = createServer((from) => {
    if (!open) return void from.destroy();
    const to = connect(target, "127.0.0.1");
    const pair = { from, to, upload: "" };
    alive.add(pair);
    const over = () => {
      alive.delete(pair);
      held.delete(pair);
      from.destroy();
      to.destroy();
    };
    for (const s of [from, to]) {
      s.on("error", over);
      s.on("close", over);
    }
    from.on("data", (b) => {
      const begins = /^(P\w+ \S+) HTTP\/1\.1\r\n/.exec(b.subarray(0, 2000).toString("latin1"));
      if (begins) pair.upload = begins[1];
      const up = (brought.get(pair.upload) ?? 0) + b.length;
      brought.set(pair.upload, up);
      sent += b.length;
      to.write(b);
      if (up > most) {
        from.pause();
        held.add(pair);
      }
    });
    to.on("data", (b) => from.write(b));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    /** The port of the server behind it. */
    to: (port) => (target = port),
    /** Holds every upload that sends more than this from now on. */
    hold(bytes) {
      most = bytes;
      brought.clear();
    },
    release() {
      most = Infinity;
      for (const pair of held) pair.from.resume();
      held.clear();
    },
    /** All bytes that browsers have sent. */
    get sent() {
      return sent;
    },
    get held() {
      return held.size;
    },
    cut() {
      open = false;
      most = Infinity;
      for (const pair of [...alive]) {
        pair.from.destroy();
        pair.to.destroy();
      }
    },
    mend: () => (open = true),
    close() {
      this.cut();
      server.close();
    },
  };
}

/** REST with the page's own session. */
export async function rest(page, method, path, body) {
  const answer = await page.request.fetch(`/api/v1${path}`, {
    method,
    headers: { "Sec-Fetch-Site": "same-origin", ...(body instanceof Buffer ? { "Content-Type": "application/octet-stream" } : {}) },
    ...(body === undefined ? {} : { data: body }),
  });
  if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
  const type = answer.headers()["content-type"] ?? "";
  return type.includes("json") ? answer.json() : answer.body();
}

/** The id of the person's own top folder. */
export async function rootOf(page) {
  return (await rest(page, "GET", "/spaces")).items[0].root_id;
}

/** Names of a folder in the order of the API. */
export async function names(page, folder) {
  return (await rest(page, "GET", `/nodes/${folder}/children?limit=10000`)).items.map((n) => n.name);
}

/** Presses what makes the browser download, and gives the bytes and the name. */
export async function downloaded(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** Reads a ZIP without compression: names and bytes, folders with "" as bytes. */
export function unzip(bytes) {
  const found = new Map();
  let at = bytes.readUInt32LE(bytes.length - 22 + 16);
  for (; bytes.readUInt32LE(at) === 0x02014b50; ) {
    const [size, nameLength, extra, comment] = [bytes.readUInt32LE(at + 24), bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30), bytes.readUInt16LE(at + 32)];
    const local = bytes.readUInt32LE(at + 42);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    found.set(name, bytes.subarray(from, from + size));
    at += 46 + nameLength + extra + comment;
  }
  return found;
}

/** Presses what the tool bar of a folder has; on phones it is in the menu beside the title. */
export async function folderAct(page, variant, name) {
  if (variant.phone) await page.getByRole("button", { name: "More for this folder" }).click();
  await page.getByRole(variant.phone ? "menuitem" : "button", { name, exact: true }).click();
}

/**
 * Tells a story in steps: each is a test of its own, and after one that failed
 * the others are not told, because they stand on it.
 */
export function steps(t, page, label) {
  let broken = false;
  return async (name, tell) => {
    if (broken) return;
    await t.test(name, async () => {
      try {
        await tell();
      } catch (e) {
        broken = true;
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: `${shots}FAILED ${label}.png` }).catch(() => undefined);
        throw e;
      }
    });
  };
}

/**
 * Looks at a screen in light and dark, phones also at the narrowest of 360.
 * What only colours and widths decide is looked at again in the second scheme.
 */
export async function lookTwice(page, variant, name) {
  const { height } = page.viewportSize();
  await look(page, variant, name);
  const scheme = variant.scheme === "light" ? "dark" : "light";
  const width = variant.phone ? 360 : variant.width;
  await page.emulateMedia({ colorScheme: scheme });
  if (variant.phone) await page.setViewportSize({ width, height });
  await settle(page);
  await picture(page, `${name}-${width}-${scheme}`);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { runOnly: ["color-contrast", "target-size", "scrollable-region-focusable"], resultTypes: ["violations"], preload: false });
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    return [...violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}`)), ...(wide > 0 ? [`${wide} px too wide`] : [])];
  });
  assert.deepEqual(found, [], `${name} at ${width} ${scheme}`);
  await page.emulateMedia({ colorScheme: variant.scheme });
  if (variant.phone) await page.setViewportSize({ width: variant.width, height });
}
