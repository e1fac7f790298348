// Writes file.gz and file.br beside every text file of the build. The server
// sends these as they are and never compresses while it answers.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../../internal/web/dist/", import.meta.url));
const text = /\.(js|mjs|css|html|svg|json|wasm|txt)$/;

for (const name of readdirSync(dist, { recursive: true })) {
  const path = dist + name;
  if (!text.test(name) || name === "placeholder.html" || name.startsWith(".") || !statSync(path).isFile()) continue;
  const bytes = readFileSync(path);
  if (bytes.length < 1024) continue;
  // Times and names stay out of the gzip header: the same input gives the same bytes.
  writeFileSync(path + ".gz", gzipSync(bytes, { level: 9 }));
  writeFileSync(path + ".br", brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}
