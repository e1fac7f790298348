// Download tickets: what the browser downloads or plays comes by an address of
// its own, and a film whose ticket has ended goes on with the next one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { downloaded, noise, rest, rootOf, steps, unzip, wav } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, variants } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
let server;
before(async () => {
  server = await startServer();
  await createUser(server, anna);
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

test("tickets", async (t) => {
  const [variant] = variants;
  const { page, complaints, close } = await person(server, variant);
  t.after(close);
  const step = steps(t, page, "tickets");
  await signIn(page, anna);
  const root = await rootOf(page);
  const put = (name, bytes) => rest(page, "PUT", `/nodes/${root}/files?name=${encodeURIComponent(name)}`, bytes);
  const opened = [];
  page.on("download", (d) => opened.push(new URL(d.url()).pathname));
  const menu = async (name, item) => {
    await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };

  await step("a download and a ZIP come by tickets", async () => {
    const bytes = noise(300_000);
    await put("naïve & 100%.bin", bytes);
    await page.goto("/files");
    const one = await downloaded(page, () => menu("naïve & 100%.bin", "Download"));
    assert.equal(one.name, "naïve & 100%.bin");
    assert.ok(one.bytes.equals(bytes));
    await rest(page, "POST", `/nodes/${root}/folders`, { name: "Folder" });
    await page.reload();
    const folder = await downloaded(page, () => menu("Folder", "Download"));
    assert.equal(folder.name, "Folder.zip");
    assert.deepEqual([...unzip(folder.bytes).keys()], ["Folder/"]);
    assert.ok(opened.length === 2 && opened[0] !== opened[1] && opened.every((path) => path.startsWith("/c/")), opened.join(" "));
  });

  await step("a ticket that ends under a sound is followed by the next, at the same place", async () => {
    const sound = await put("long.wav", wav(3000)); // 48 MB: more than a browser reads ahead
    assert.equal(sound.preview, "audio");
    let asked = 0;
    let ended = false;
    page.on("request", (r) => r.method() === "POST" && r.url().endsWith("/ticket") && asked++);
    await page.route("**/c/**", (route) => {
      if (!ended) return route.continue();
      ended = false;
      return route.fulfill({ status: 401, body: "ended" });
    });
    await page.goto("/files");
    await page.getByRole("row", { name: /long\.wav/ }).getByRole("link").click();
    const audio = page.locator("dialog[open] audio");
    await page.waitForFunction(() => document.querySelector("dialog[open] audio")?.readyState >= 2);
    ended = true;
    await audio.evaluate((a) => (a.currentTime = 2800));
    await page.waitForFunction(() => {
      const a = document.querySelector("dialog[open] audio");
      return a && !a.error && a.readyState >= 2 && a.currentTime >= 2800;
    });
    assert.equal(asked, 2);
    assert.equal(ended, false);
    await audio.evaluate((a) => a.blur());
  });

  await step("where the file is gone, the next ticket is not given, and the page says so", async () => {
    const { items } = await rest(page, "GET", `/nodes/${root}/children`);
    await rest(page, "DELETE", `/nodes/${items.find((n) => n.name === "long.wav").id}`);
    await page.locator("dialog[open] audio").evaluate((a) => (a.currentTime = 100));
    await page.locator("dialog[open]").getByRole("alert").waitFor();
  });

  assert.deepEqual(complaints.filter((c) => !/40[14]/.test(c)), []);
});
