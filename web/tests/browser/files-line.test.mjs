// The file manager when things go wrong: the line is cut in the middle of an
// upload, the session ends, an address leads nowhere, the server fails; and
// when a folder is very long.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { choose, folderAct, lookTwice, names, noise, rest, rootOf, sha256, steps, wire } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const guest = { email: "guest@haldenroe.example", name: "Gil Guest", password: "tide tables by the clock", role: "guest" };
const [wide, phone] = variants;
let server;
let line;
before(async () => {
  // People type the address of the line; the server stands behind it.
  line = await wire();
  server = await startServer({ args: ["--base-url", line.base] });
  line.to(server.port);
  await createUser(server, anna);
  await createUser(server, guest);
});
after(async () => {
  await closeBrowser();
  line.close();
  await server.stop();
});
const tray = (page) => page.getByRole("region", { name: "Uploads" });

test("a line that breaks, a session that ends", async (t) => {
  const { page, context, complaints, close } = await person({ base: line.base }, wide);
  t.after(close);
  const step = steps(t, page, "line");
  await signIn(page, anna);
  const root = await rootOf(page);
  const big = noise(6_000_000);

  await step("an upload that is cut goes on by itself and is stored once", async () => {
    line.hold(1_000_000);
    await choose(page, [{ name: "Film.bin", buffer: big }]);
    await until(() => line.held > 0, "a held upload");
    await tray(page).getByText("Uploading 1 of 1 file").waitFor();
    const warned = await page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
    assert.equal(warned, true, "leaving warns while sending");
    line.cut();
    await tray(page).getByText(/^Trying again in|^Waiting for the network/).waitFor();
    await lookTwice(page, wide, "files-cut");
    line.mend();
    const now = tray(page).getByRole("button", { name: "Try now" });
    if (await now.isVisible()) await now.click().catch(() => undefined); // it may have gone on by itself
    await tray(page).getByText("1 file stored").waitFor();
    assert.deepEqual(await names(page, root), ["Film.bin"]);
    const { id } = (await rest(page, "GET", `/nodes/${root}/children`)).items[0];
    assert.equal((await rest(page, "GET", `/nodes/${id}`)).sha256, sha256(big));
    const warns = await page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
    assert.equal(warns, false, "leaving warns only while sending");
    await tray(page).getByRole("button", { name: "Close upload list" }).click();
  });

  await step("an upload can be cancelled and leaves nothing", async () => {
    line.hold(1_000_000);
    await choose(page, [{ name: "Never.bin", buffer: big }]);
    await until(() => line.held > 0, "a held upload");
    await tray(page).getByRole("button", { name: "Cancel Never.bin" }).click();
    await tray(page).getByText("Cancelled").waitFor();
    line.release();
    assert.deepEqual(await names(page, root), ["Film.bin"]);
    await tray(page).getByRole("button", { name: "Close upload list" }).click();
  });

  await step("offline is said, what is loaded stays, uploads wait and go on", async () => {
    await context.setOffline(true);
    await page.getByText("You are offline. You can look at what is loaded. Uploads wait and go on by themselves.").waitFor();
    await choose(page, [{ name: "Later.txt", buffer: Buffer.from("later") }]);
    await tray(page).getByText("Waiting for the network").waitFor();
    await page.getByRole("link", { name: "Film.bin" }).waitFor();
    await lookTwice(page, wide, "files-offline");
    await context.setOffline(false);
    await tray(page).getByText("1 file stored").waitFor();
    await page.getByText("You are offline.").waitFor({ state: "detached" });
    await tray(page).getByRole("button", { name: "Close upload list" }).click();
  });

  await step("signed out in the middle: the upload holds and goes on after signing in", async () => {
    await rest(page, "DELETE", "/session");
    await choose(page, [{ name: "Held.txt", buffer: Buffer.from("held") }]);
    await page.getByRole("heading", { name: "Sign in again to go on" }).waitFor();
    await lookTwice(page, wide, "files-signed-out");
    await page.getByRole("dialog").getByLabel("Password", { exact: true }).fill(anna.password);
    await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
    await tray(page).getByText("1 file stored").waitFor();
    await page.getByRole("link", { name: "Held.txt" }).waitFor();
    await tray(page).getByRole("button", { name: "Close upload list" }).click();
  });

  await step("an error stands in the area that failed, with a reference", async () => {
    await page.route("**/children?*", (r) => r.fulfill({ status: 500, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", status: 500, title: "x", detail: "x", code: "internal", ref: "7Q2M-4K" }) }));
    await page.reload();
    await page.getByText("This folder could not be loaded.").waitFor();
    await page.getByText("7Q2M-4K").waitFor();
    await lookTwice(page, wide, "files-error");
    await page.unroute("**/children?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: "Held.txt" }).waitFor();
  });

  await step("what is not there, or not yours, is one page", async () => {
    await page.goto("/files/06h0nvka11rv9ac2kb9r22zys4");
    await page.getByText("This is not here, or you have no access to it.").waitFor();
    await lookTwice(page, wide, "files-not-here");
  });

  await step("a guest has no files of their own", async () => {
    const other = await person({ base: line.base }, phone);
    await signIn(other.page, guest);
    await other.page.getByText("You have no files of your own on this server.").waitFor();
    await lookTwice(other.page, phone, "files-guest");
    assert.deepEqual(other.complaints, []);
    await other.close();
  });

  assert.deepEqual(complaints, []);
});

// The server takes a minute to make 10,000 files. They are real in a soak; else the
// page gets lists of one file under as many names.
const soak = process.env.COFFER_SOAK === "1";

async function fill(page, folder, count) {
  // A tenth is sent, the others are copies that the server makes.
  const rows = Array.from({ length: Math.ceil(count / 10) }, (_, i) => `File ${String(i + 1).padStart(4, "0")}.txt`);
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let name = rows.pop(); name; name = rows.pop()) await rest(page, "PUT", `/nodes/${folder}/files?name=${encodeURIComponent(name)}`, Buffer.from(name));
    }),
  );
  if (count < 10) return;
  const ids = (await rest(page, "GET", `/nodes/${folder}/children?limit=1000`)).items.map((n) => n.id);
  for (let i = 0; i < 9; i++) await rest(page, "POST", "/batch", { op: "copy", ids, to: folder, if_exists: "keep_both" });
}

const pretended = (i) => `Row ${String(i + 1).padStart(5, "0")}`;

/** Answers for a folder as the server would if it had so many files. */
async function pretend(page, folder, total) {
  const [first] = (await rest(page, "GET", `/nodes/${folder}/children?limit=1`)).items;
  await page.route("**/children?*", async (route) => {
    const asked = new URL(route.request().url()).searchParams;
    const [from, limit] = [Number(asked.get("cursor") ?? 0), Number(asked.get("limit"))];
    const to = Math.min(from + limit, total);
    const [begin, end] = asked.get("from") === "end" ? [total - to, total - from] : [from, to];
    const items = Array.from({ length: end - begin }, (_, i) => ({ ...first, id: `row${begin + i}`, name: pretended(begin + i) }));
    await route.fulfill({ json: { items, total, ...(to < total ? { next: String(to) } : {}) } });
  });
}

for (const variant of [wide, phone]) {
  test(`a folder of 10,000 files at ${variant.width}`, async (t) => {
    const { page, complaints, close } = await person({ base: line.base }, variant);
    t.after(close);
    await signIn(page, anna);
    const root = await rootOf(page);
    const many = await rest(page, "POST", `/nodes/${root}/folders?if_exists=merge`, { name: "Many" });
    if (many.child_count === 0) await fill(page, many.id, soak ? 10_000 : 1);
    if (!soak) await pretend(page, many.id, 10_000);
    const all = soak ? await names(page, many.id) : Array.from({ length: 10_000 }, (_, i) => pretended(i));
    // When the last rows came, and when they were in the list.
    await page.addInitScript(() => {
      const look = () => {
        if (Number(document.querySelector("[data-list]")?.dataset.list ?? 0) < 10_000) return requestAnimationFrame(look);
        globalThis.usable = performance.now();
      };
      requestAnimationFrame(look);
      performance.setResourceTimingBufferSize(5000);
    });
    await page.goto(`/files/${many.id}`);
    const row = (name) => page.locator("[data-list] [data-id]", { has: page.getByRole("link", { name, exact: true }) });
    await until(async () => (await page.getByRole("grid").getAttribute("aria-rowcount")) === "10001", "all rows known");
    const focused = (name) => page.evaluate((want) => document.activeElement?.querySelector("a")?.textContent === want, name);
    const few = async () => {
      let rows = 0;
      await until(async () => (rows = await page.locator("[data-list] [data-id]").count()) > 0 && rows <= 60, "few rows in the page").catch((e) => assert.fail(`${e.message}: ${rows}`));
    };
    await until(() => page.evaluate(() => globalThis.usable), "all rows in the list");
    const usable = await page.evaluate(() => globalThis.usable - Math.max(...performance.getEntriesByType("resource").filter((e) => e.name.includes("/children?") && e.responseEnd < globalThis.usable).map((e) => e.responseEnd)));
    await row(all[0]).focus();
    await few();
    await page.keyboard.press("End");
    await row(all[9999]).waitFor();
    await until(() => focused(all[9999]), "focus on the last row");
    await few();
    await page.keyboard.press("Home");
    await until(() => focused(all[0]), "focus on the first row");
    await page.locator(".rows").evaluate((el) => (el.scrollTop = el.scrollHeight / 2));
    await row(all[5003]).waitFor();
    await few();
    await page.keyboard.press("Control+a");
    await page.getByText("10,000 selected").first().waitFor();
    await page.keyboard.press("Escape");
    // From the press to the frame with the new order, with what the server answers left out.
    const turn = await page.evaluate(
      (sorting) =>
        new Promise((done) => {
          const first = () => document.querySelector("[data-list] [aria-rowindex='2'] a").textContent;
          const [from, before] = [performance.now(), first()];
          const look = () => (first() === before ? requestAnimationFrame(look) : done(performance.now() - from));
          document.querySelector(".rows").scrollTop = 0;
          [...document.querySelectorAll("[role=columnheader] button")].find((b) => b.textContent.includes(sorting)).click();
          look();
        }),
      "Name",
    );
    t.diagnostic(`10,000 rows: usable ${Math.round(usable)} ms after they came, sorted in ${Math.round(turn)} ms`);
    if (soak) assert.ok(usable < 300 && turn < 80, "as fast as the design says, on a machine with nothing else to do");
    await lookTwice(page, variant, "files-many");
    if (!variant.phone) {
      // More than are loaded before somebody scrolls to them.
      await page.unroute("**/children?*");
      await pretend(page, many.id, 45_000);
      const name = pretended;
      await page.reload();
      await until(async () => (await page.getByRole("grid").getAttribute("aria-rowcount")) === "45001", "the rows of a longer folder");
      await row(name(0)).focus();
      await page.keyboard.press("End");
      await until(() => focused(name(44_999)), "focus on the last row");
      assert.equal(await row(name(44_999)).getAttribute("aria-rowindex"), "45001");
      await few();
      await page.locator(".rows").evaluate((el) => (el.scrollTop = el.scrollHeight * 0.7));
      await row(name(31_500)).waitFor(); // filled from the side that is nearer
      await page.keyboard.press("Home");
      await until(() => focused(name(0)), "focus on the first row");
      await few();
      await page.unroute("**/children?*");
      if (!soak) await pretend(page, many.id, 10_000);
      await page.reload();
      await until(async () => (await page.getByRole("grid").getAttribute("aria-rowcount")) === "10001", "the folder as it was");
    }
    await folderAct(page, variant, "Filter this folder");
    await page.getByRole("searchbox").fill(all[9990]);
    await until(async () => (await page.locator("[data-list] [data-id]").count()) === 1, "one row left");
    assert.deepEqual(complaints, []);
  });
}
