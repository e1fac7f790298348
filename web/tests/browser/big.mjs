// One big file and a tree of small ones through the page, and back through its
// own links: COFFER_SOAK=1 node tests/browser/big.mjs
// COFFER_BIG_MIB (5120) and COFFER_BIG_FILES (5000) set the sizes. Prints the
// server's peak memory, and fails above COFFER_BIG_PEAK_MIB (128).
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseFolder, rest, rootOf, sha256, unzip } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, variants } from "./harness.mjs";

if (process.env.COFFER_SOAK !== "1") {
  console.error("this takes long and much room on the disk: set COFFER_SOAK=1");
  process.exit(1);
}
const mib = Number(process.env.COFFER_BIG_MIB ?? 5120);
const count = Number(process.env.COFFER_BIG_FILES ?? 5000);
const most = Number(process.env.COFFER_BIG_PEAK_MIB ?? 128);
const patience = 60_000 + mib * 1000 + count * 200;
const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };

const disk = mkdtempSync(join(tmpdir(), "coffer-big-"));
const room = statfsSync(disk);
assert.ok(room.bavail * room.bsize > mib * 3.2 * 2 ** 20, "not enough room: the file, its sealed copy and the download need three times its size");

const sumOf = async (path) => {
  const sum = createHash("sha256");
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) sum.update(part);
  return sum.digest("hex");
};
const seconds = async (what, run) => {
  const from = performance.now();
  const got = await run();
  console.log(`${what}: ${((performance.now() - from) / 1000).toFixed(1)} s`);
  return got;
};

const server = await startServer();
/** The server's own peak, from the kernel. */
const peak = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024;
const tell = (when) => console.log(`server's peak ${when}: ${peak().toFixed(1)} MiB`);
try {
  await createUser(server, anna);
  const { page, context, complaints } = await person(server, variants[0]);
  context.setDefaultTimeout(patience);
  await signIn(page, anna);
  const root = await rootOf(page);
  tell("after signing in");
  const tray = page.getByRole("region", { name: "Uploads" });
  const done = async (text) => {
    await tray.getByText(text).waitFor({ timeout: patience });
    await tray.getByRole("button", { name: "Close upload list" }).click();
  };
  const saved = async (name) => {
    await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: patience }), page.getByRole("menuitem", { name: "Download" }).click()]);
    return download.path();
  };

  const big = join(disk, "Big.bin");
  const fd = openSync(big, "w");
  for (let i = 0, part = randomBytes(1 << 20); i < mib; i++) {
    part.writeUInt32LE(i, (i * 4096) % (1 << 20)); // no two parts alike
    writeSync(fd, part);
  }
  closeSync(fd);
  const want = await sumOf(big);
  await seconds(`${mib} MiB up`, async () => {
    await page.locator('input[data-upload="files"]').setInputFiles(big);
    await done("1 file stored");
  });
  tell("after the big file");
  const [node] = (await rest(page, "GET", `/nodes/${root}/children?q=Big`)).items;
  assert.equal((await rest(page, "GET", `/nodes/${node.id}`)).sha256, want, "what the server has");
  const back = await seconds(`${mib} MiB down`, () => saved("Big.bin"));
  assert.equal(await sumOf(back), want, "what came back");
  rmSync(back);
  rmSync(big);
  tell("after its download");

  const sums = new Map();
  for (let i = 0; i < count; i++) {
    const dir = join("Tree", `Part ${i % 20}`, `Deep ${i % 7}`);
    mkdirSync(join(disk, dir), { recursive: true });
    const bytes = randomBytes(1 + ((i * 7919) % 20_000));
    writeFileSync(join(disk, dir, `File ${i}.bin`), bytes);
    sums.set(join(dir, `File ${i}.bin`), sha256(bytes));
  }
  await seconds(`${count} files up`, async () => {
    await chooseFolder(page, join(disk, "Tree"));
    await done(`${count.toLocaleString("en")} files stored`);
  });
  tell("after the tree");
  const zip = await seconds(`${count} files down as ZIP`, () => saved("Tree"));
  const found = unzip(readFileSync(zip));
  for (const [path, sum] of sums) assert.equal(found.has(path) && sha256(found.get(path)), sum, path);
  tell("after its download");
  assert.deepEqual(complaints, []);
  assert.ok(peak() < most, `the server's peak is ${peak().toFixed(1)} MiB, not below ${most}`);
  console.log(`byte-identical: 1 file of ${mib} MiB, ${sums.size} files`);
} finally {
  await closeBrowser();
  await server.stop();
  rmSync(disk, { recursive: true, force: true });
}
