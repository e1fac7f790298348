// Large uploads in the page: they go on after a reload, on another device, over
// a line that breaks and a session that ends, and leave nothing when cancelled.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { lookTwice, names, noise, rest, rootOf, sha256, steps, wire } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

const mib = 2 ** 20;
const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const [wide, phone] = variants;
const data = noise(40 * mib + 12_345); // three pieces at once
let server;
let line;
let dir;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), "coffer-uploads-"));
  line = await wire();
  server = await startServer({ args: ["--base-url", line.base] });
  line.to(server.port);
  await createUser(server, anna);
});
after(async () => {
  await closeBrowser();
  line.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A file on the disk: chosen twice, it is the same with its time of change. */
function onDisk(name, bytes = data) {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}
const tray = (page) => page.getByRole("region", { name: "Uploads" });
const pick = (page, path) => page.locator('input[data-upload="files"]').setInputFiles(path);
const close = (page) => tray(page).getByRole("button", { name: "Close upload list" }).click();

/** Waits for the file to be stored and checked, and compares its bytes. */
async function wantStored(page, root, name) {
  await tray(page).getByText("Stored and checked").waitFor({ timeout: 60_000 });
  const found = (await rest(page, "GET", `/nodes/${root}/children?limit=100`)).items.find((n) => n.name === name);
  assert.ok(found, `${name} is not there`);
  assert.equal(sha256(await rest(page, "GET", `/nodes/${found.id}/content`)), sha256(data));
  assert.deepEqual((await rest(page, "GET", "/uploads")).items, [], "something is left unfinished");
  await close(page);
}

/** The offsets at which requests with bytes began, since the last look. */
function offsets(page) {
  let seen = [];
  page.on("request", (r) => void (r.method() === "PATCH" && r.url().includes("/uploads/") && seen.push(Number(r.headers()["upload-offset"]))));
  return () => {
    const now = seen;
    seen = [];
    return now;
  };
}

/** Sends until two pieces have brought so many bytes each, and holds them there. */
async function sendSome(page, path, bytes = 12_000_000) {
  line.hold(bytes);
  await pick(page, path);
  await until(() => line.held >= 2, "held uploads");
}

/** How many bytes of unfinished uploads the server keeps. */
async function kept(page) {
  return (await rest(page, "GET", "/uploads")).items.reduce((sum, u) => sum + u.offset, 0);
}

/** Breaks the line under what is being sent and leaves the page; tells how much the server keeps. */
async function interrupt(page) {
  line.cut();
  await page.goto("about:blank");
  line.mend();
  let bytes = -1;
  await until(async () => {
    const before = bytes;
    bytes = await kept(page);
    return bytes > 8 * mib && bytes === before;
  }, "bytes that are kept");
  return bytes;
}

test("large uploads", async (t) => {
  const { page, complaints, close: leave } = await person({ base: line.base }, wide);
  t.after(leave);
  page.on("dialog", (d) => void d.accept()); // "leave this page?"
  const step = steps(t, page, "uploads");
  const begun = offsets(page);
  await signIn(page, anna);
  const root = await rootOf(page);
  let durable;

  await step("after a reload the page tells what was interrupted", async () => {
    await sendSome(page, onDisk("Film.bin"));
    await tray(page).getByText("Uploading 1 of 1 file").waitFor();
    await lookTwice(page, wide, "uploads-sending");
    durable = await interrupt(page);
    await page.goto("/files");
    await tray(page).getByText("1 upload was interrupted").waitFor();
    await tray(page).getByText(/^Choose the same files again to go on at \d+ %\.$/).waitFor();
    await lookTwice(page, wide, "uploads-interrupted");
  });

  await step("on another device too, where another file is not taken for it", async () => {
    const other = await person({ base: line.base }, phone);
    await signIn(other.page, anna);
    await tray(other.page).getByText("1 upload was interrupted").waitFor();
    await lookTwice(other.page, phone, "uploads-interrupted-bar");
    await tray(other.page).getByRole("button", { name: "Show upload list" }).click();
    const chooser = other.page.waitForEvent("filechooser");
    await tray(other.page).getByRole("button", { name: "Choose file Film.bin again" }).click();
    await (await chooser).setFiles(onDisk("Other.bin", noise(1000)));
    await tray(other.page).getByText(/^“Other.bin” is not one of these files/).waitFor();
    await lookTwice(other.page, phone, "uploads-not-the-same");
    assert.deepEqual(other.complaints, []);
    await other.close();
  });

  await step("it goes on when the same file is dropped again", async () => {
    begun();
    const before = line.sent;
    await pick(page, join(dir, "Film.bin"));
    await wantStored(page, root, "Film.bin");
    const from = begun();
    assert.ok(from.filter((n) => n >= 8 * mib).length >= 2, `began at ${from}`);
    assert.ok(line.sent - before < data.length - durable + mib, `${line.sent - before} bytes were sent, of which ${data.length - durable} were missing`);
  });

  await step("a line that breaks three times", async () => {
    await page.evaluate(() => {
      globalThis.fell = 0;
      let last = 0;
      setInterval(() => {
        const bar = document.querySelector(".tray [role=progressbar]");
        if (!bar) return; // the tray was closed
        const now = Number(bar.getAttribute("aria-valuenow"));
        globalThis.fell = Math.max(globalThis.fell, last - now);
        last = now;
      }, 20);
    });
    begun();
    const before = line.sent;
    line.hold(9_000_000);
    await pick(page, onDisk("Broken.bin"));
    for (let i = 0; i < 3; i++) {
      await until(() => line.held >= 1, "a held upload");
      line.cut();
      await tray(page).getByText(/^Trying again in/).waitFor();
      if (i === 0) await lookTwice(page, wide, "uploads-retrying");
      line.mend();
      line.hold(i < 2 ? 2_000_000 : Infinity);
      await tray(page).getByRole("button", { name: "Try now" }).click({ timeout: 3000 }).catch(() => undefined); // it may go on by itself
    }
    await wantStored(page, root, "Broken.bin");
    const sent = line.sent - before;
    assert.ok(sent < 1.5 * data.length, `${sent} bytes for ${data.length}`);
    const fell = await page.evaluate(() => globalThis.fell);
    assert.ok(fell <= Math.ceil((3 * 8 * mib * 100) / data.length), `progress fell by ${fell} %`); // a part of each piece
  });

  await step("the answer to the last request is lost: the file is found, not sent again", async () => {
    let lost = 0;
    await page.route("**/api/v1/uploads", async (route) => {
      if (lost > 0 || !route.request().headers()["upload-concat"]?.startsWith("final")) return route.continue();
      lost++;
      await route.fetch();
      await route.abort("connectionreset");
    });
    await pick(page, onDisk("Once.bin"));
    await until(() => lost > 0, "a lost answer");
    begun();
    await wantStored(page, root, "Once.bin");
    assert.deepEqual(begun(), []);
    await page.unroute("**/api/v1/uploads");
  });

  await step("a session that ends in the middle", async () => {
    await sendSome(page, onDisk("Night.bin"));
    begun();
    await rest(page, "DELETE", "/session");
    line.release();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("heading", { name: "Sign in again to go on" }).waitFor();
    await tray(page).getByText("Paused until you sign in again").waitFor();
    await lookTwice(page, wide, "uploads-paused");
    await dialog.getByLabel("Password", { exact: true }).fill(anna.password);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await wantStored(page, root, "Night.bin");
    const from = begun();
    assert.ok(from.length > 0 && from.every((n) => n > 0), `went on at ${from}`);
  });

  await step("paused, nothing is sent; then it goes on from there", async () => {
    await sendSome(page, onDisk("Slow.bin"));
    await tray(page).getByRole("button", { name: "Pause uploads" }).click();
    await tray(page).getByText(/^Paused at \d+ %$/).waitFor();
    await tray(page).getByText("Paused, 0 of 1 file stored").waitFor();
    line.cut(); // what is still in the line would arrive after all
    line.mend();
    begun();
    await pick(page, onDisk("Small.bin", noise(1000)));
    await tray(page).getByText("Paused", { exact: true }).waitFor();
    await lookTwice(page, wide, "uploads-held");
    assert.deepEqual(begun(), []);
    assert.ok(!(await names(page, root)).includes("Small.bin"));
    await tray(page).getByRole("button", { name: "Go on with uploads" }).click();
    await tray(page).getByText("2 files stored").waitFor({ timeout: 60_000 });
    const from = begun();
    assert.ok(from.length > 0 && from.every((n) => n > 0), `went on at ${from}`);
    await until(async () => (await tray(page).getByText("Stored and checked").count()) === 2, "both checked");
    await close(page);
    const { id } = await rest(page, "GET", "/resolve?path=/Slow.bin");
    assert.equal(sha256(await rest(page, "GET", `/nodes/${id}/content`)), sha256(data));
  });

  await step("a name that was taken meanwhile is asked about, and nothing is sent twice", async () => {
    await sendSome(page, onDisk("Plan.bin"));
    await rest(page, "PUT", `/nodes/${root}/files?name=Plan.bin`, Buffer.from("somebody else was faster"));
    line.release();
    await tray(page).getByText("“Plan.bin” is already here.").waitFor();
    await lookTwice(page, wide, "uploads-conflict");
    begun();
    await tray(page).getByRole("button", { name: "Keep both" }).click();
    await wantStored(page, root, "Plan (2).bin");
    assert.deepEqual(begun(), []);
  });

  await step("cancelled, it leaves nothing at the server", async () => {
    await sendSome(page, onDisk("Never.bin"));
    await tray(page).getByRole("button", { name: "Cancel Never.bin" }).click();
    await tray(page).getByText("Cancelled").waitFor();
    line.release();
    await until(async () => (await rest(page, "GET", "/uploads")).items.length === 0, "no unfinished upload");
    assert.ok(!(await names(page, root)).includes("Never.bin"));
    await close(page);
  });

  await step("an interrupted one can be removed", async () => {
    await sendSome(page, onDisk("Gone.bin"));
    await interrupt(page);
    await page.goto("/files");
    await tray(page).getByRole("button", { name: "Remove Gone.bin" }).click();
    await tray(page).waitFor({ state: "detached" });
    await until(async () => (await rest(page, "GET", "/uploads")).items.length === 0, "no unfinished upload");
  });

  assert.deepEqual(complaints, []);
});
