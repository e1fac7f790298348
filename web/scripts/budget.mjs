// Fails when what a signed-in person needs before the list answers a click is
// larger than the budget of the design (KB = 1,000 bytes, gzip; fonts as sent).
// Counts the last build: the entry, the files page, and all that these import
// at once. What is loaded on demand does not count.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const limits = { js: 110_000, css: 20_000, sans: 34_000, serif: 25_000 };
const start = ["index.html", "src/files/FilesPage.svelte"];

const dist = fileURLToPath(new URL("../../internal/web/dist/", import.meta.url));
if (!existsSync(dist + ".vite/manifest.json")) {
  console.error("nothing is built: npm run build");
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(dist + ".vite/manifest.json", "utf8"));
const read = (file) => readFileSync(dist + file);

const js = new Set();
const css = new Set();
function take(key) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`${key} is not in the build: the budget looks at the wrong files`);
  if (js.has(chunk.file)) return;
  js.add(chunk.file);
  for (const file of chunk.css ?? []) css.add(file);
  for (const more of chunk.imports ?? []) take(more);
}
start.forEach(take);

const fonts = [...read("index.html").toString().matchAll(/rel="preload"[^>]*href="\/([^"]+\.woff2)"/g)].map((m) => m[1]);
const packed = (files) => [...files].reduce((sum, file) => sum + gzipSync(read(file), { level: 9 }).length, 0);
const font = (part) => fonts.filter((file) => file.includes(part)).reduce((sum, file) => sum + read(file).length, 0);

const measured = { js: packed(js), css: packed(css), sans: font("atkinson"), serif: font("newsreader") };
let failed = fonts.length !== 2;
if (failed) console.error(`${fonts.length} fonts are loaded up front, not the two that the design names`);
for (const [what, bytes] of Object.entries(measured)) {
  const over = bytes > limits[what] || bytes === 0;
  failed ||= over;
  console.log(`${over ? "OVER " : "ok   "}${what.padEnd(6)}${(bytes / 1000).toFixed(1).padStart(7)} KB of ${limits[what] / 1000} KB`);
}
if (process.argv.includes("--files")) for (const file of js) console.log(file, packed([file]));
process.exit(failed ? 1 : 0);
