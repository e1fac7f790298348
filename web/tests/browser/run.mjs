// Runs the stories in a real browser against a real server, two files at a time,
// as half of their time they wait: node tests/browser/run.mjs [part of a file's name ...]
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromiumPath, cofferdPath } from "./harness.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith(".test.mjs") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .map((name) => here + name);

for (const [what, path, how] of [
  ["server", cofferdPath(), "run make build, or set COFFERD"],
  ["browser", chromiumPath(), "install chromium, or set COFFER_CHROMIUM"],
]) {
  if (!existsSync(path)) {
    console.error(`no ${what} at ${path}: ${how}`);
    process.exit(1);
  }
}
if (files.length === 0) {
  console.error("no such test");
  process.exit(1);
}
if (wanted.length === 0) rmSync(fileURLToPath(new URL("../shots", import.meta.url)), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=2", "--test-reporter=spec", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
