// The file manager by keyboard and by dragging, and files looked at: the map of
// keys, rows dragged onto folders, previews of every kind, sorting.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lookTwice, names, noise, pdf, png, rest, rootOf, steps, wav, webm } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

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

test("keys, dragging and previews", async (t) => {
  const [variant] = variants;
  const { page, complaints, close } = await person(server, variant);
  t.after(close);
  const step = steps(t, page, "keys");
  await signIn(page, anna);
  const root = await rootOf(page);
  const put = (folder, name, bytes) => rest(page, "PUT", `/nodes/${folder}/files?name=${encodeURIComponent(name)}`, bytes);
  const drafts = await rest(page, "POST", `/nodes/${root}/folders`, { name: "Drafts" });
  for (const [name, bytes] of [["a.txt", 10], ["b.txt", 300], ["c.txt", 20], ["d.txt", 5]]) await put(root, name, noise(bytes).toString("hex").slice(0, bytes) && Buffer.alloc(bytes, name));
  await page.reload();
  const row = (name) => page.locator("[data-list] [data-id]", { has: page.getByRole("link", { name, exact: true }) });
  await row("d.txt").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.querySelector?.("a")?.textContent ?? document.activeElement.tagName);
  const focusIs = (name) => until(async () => (await focused()) === name, `focus on ${name}`);
  const picked = () => page.locator("[data-list] [data-id][aria-selected=true] a").allInnerTexts();
  const pickedIs = (...list) => until(async () => (await picked()).join() === list.join(), `selected: ${list}`);
  const key = (k) => page.keyboard.press(k);
  const listed = (...list) => until(async () => (await page.locator("[data-list] [data-id] a").allInnerTexts()).join() === list.join(), `listed: ${list}`);

  await step("arrows move, Shift makes a range, Space and Ctrl+A select, Esc clears", async () => {
    await row("a.txt").focus();
    await key("ArrowDown");
    await focusIs("b.txt");
    await key("Shift+ArrowDown");
    await key("Shift+ArrowDown");
    await pickedIs("b.txt", "c.txt", "d.txt");
    await key("Home");
    await focusIs("Drafts");
    await key("Space");
    await pickedIs("Drafts", "b.txt", "c.txt", "d.txt");
    await key("Escape");
    await pickedIs();
    await key("End");
    await focusIs("d.txt");
    await key("Control+a");
    await page.getByText("5 selected").first().waitFor();
    await key("Escape");
  });

  await step("Enter opens, Alt+Up leads back to where it was", async () => {
    await row("Drafts").focus();
    await key("Enter");
    await page.getByRole("heading", { level: 1, name: "Drafts" }).waitFor();
    await key("Alt+ArrowUp");
    await page.getByRole("heading", { level: 1, name: "My files" }).waitFor();
    await focusIs("Drafts");
    await key("Escape");
  });

  await step("F2 renames, Ctrl+Z takes back", async () => {
    await row("a.txt").focus();
    await key("F2");
    await page.getByLabel("New name").fill("z.txt");
    await key("Enter");
    await listed("Drafts", "b.txt", "c.txt", "d.txt", "z.txt");
    await focusIs("z.txt");
    await key("Control+z");
    await listed("Drafts", "a.txt", "b.txt", "c.txt", "d.txt");
  });

  await step("Del trashes, focus goes to the next row", async () => {
    await row("b.txt").focus();
    await key("Delete");
    await listed("Drafts", "a.txt", "c.txt", "d.txt");
    await focusIs("c.txt");
    await key("Control+z");
    await listed("Drafts", "a.txt", "b.txt", "c.txt", "d.txt");
  });

  await step("cut, copy and paste", async () => {
    await row("c.txt").focus();
    await key("Control+x");
    await row("Drafts").focus();
    await key("Enter");
    await page.getByRole("heading", { level: 1, name: "Drafts" }).waitFor();
    await page.getByText("Nothing here yet.").waitFor();
    await key("Control+v");
    await row("c.txt").waitFor();
    await row("c.txt").focus();
    await key("Control+c");
    await key("Alt+ArrowUp");
    await listed("Drafts", "a.txt", "b.txt", "d.txt");
    await key("Control+v");
    await listed("Drafts", "a.txt", "b.txt", "c.txt", "d.txt");
    assert.deepEqual(await names(page, drafts.id), ["c.txt"]);
  });

  await step("D downloads, I details, V view, ? keys, M move, N and U new, G goes", async () => {
    await row("a.txt").focus();
    const [download] = await Promise.all([page.waitForEvent("download"), key("d")]);
    assert.equal(download.suggestedFilename(), "a.txt");
    await key("i");
    await page.getByRole("complementary").waitFor();
    await key("i");
    await page.getByRole("complementary").waitFor({ state: "detached" });
    await key("v");
    await page.locator(".tiles").waitFor();
    await page.locator(".tiles [data-id]").nth(1).focus();
    await key("ArrowRight");
    await focusIs("b.txt");
    await key("v");
    await page.locator(".rows").waitFor();
    await row("a.txt").focus();
    await key("?");
    await page.getByRole("heading", { name: "List of keys" }).waitFor();
    await lookTwice(page, variant, "files-keys");
    await key("Escape");
    await focusIs("a.txt");
    await key("m");
    await page.getByRole("heading", { name: "Move “a.txt”" }).waitFor();
    await key("Escape");
    await focusIs("a.txt");
    await key("n");
    await page.getByLabel("Name of the folder").waitFor();
    await key("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    await row("a.txt").focus();
    await focusIs("a.txt");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), key("u")]);
    assert.equal(chooser.isMultiple(), true);
    const [folders] = await Promise.all([page.waitForEvent("filechooser"), key("Shift+U")]);
    assert.equal(await folders.element().evaluate((i) => i.webkitdirectory), true);
    await key("g");
    await key("t");
    await page.getByRole("heading", { level: 1, name: "Trash" }).waitFor();
    for (const [letter, name] of [["s", "Shared with me"], ["r", "Recent"], ["l", "Links"], ["a", "Activity"]]) {
      await key("g");
      await key(letter);
      await page.getByRole("heading", { level: 1, name }).waitFor();
    }
    await key("g");
    await key("f");
    await row("a.txt").waitFor();
  });

  await step("S shares, P looks", async () => {
    await row("a.txt").focus();
    await key("s");
    await page.getByRole("heading", { name: "Share “a.txt”" }).waitFor();
    await key("Escape");
    await focusIs("a.txt");
    await key("p");
    await page.getByRole("dialog", { name: "a.txt" }).waitFor();
    await key("Escape");
    await focusIs("a.txt");
  });

  await step("a new folder is taken back", async () => {
    await key("n");
    await page.getByLabel("Name of the folder").fill("Never mind");
    await key("Enter");
    await listed("Drafts", "Never mind", "a.txt", "b.txt", "c.txt", "d.txt");
    await key("Control+z");
    await listed("Drafts", "a.txt", "b.txt", "c.txt", "d.txt");
    await row("a.txt").focus();
  });

  await step("single letters can be turned off", async () => {
    await key("?");
    await page.getByLabel("Single letters work as keys").uncheck();
    await key("Escape");
    await row("a.txt").focus();
    await key("v");
    await key("ArrowDown");
    await focusIs("b.txt");
    assert.equal(await page.locator(".tiles").count(), 0);
    await page.getByRole("button", { name: "List of keys" }).click();
    await page.getByLabel("Single letters work as keys").check();
    await key("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
  });

  await step("Ctrl+F filters, pressed twice it is the browser's", async () => {
    await row("a.txt").focus();
    await key("Control+f");
    await page.keyboard.type("b.t");
    await listed("b.txt");
    const taken = await page.evaluate(() => {
      const e = new KeyboardEvent("keydown", { key: "f", ctrlKey: true, bubbles: true, cancelable: true });
      document.activeElement.dispatchEvent(e);
      return e.defaultPrevented;
    });
    assert.equal(taken, false);
    await key("Escape");
    await listed("Drafts", "a.txt", "b.txt", "c.txt", "d.txt");
  });

  await step("Ctrl+K does, goes and finds; the account menu has it too", async () => {
    const field = page.getByRole("combobox", { name: "Find or do" });
    const closed = () => page.locator("dialog[open]").waitFor({ state: "detached" });
    const palette = async (typed) => {
      await key("Control+k");
      await field.fill(typed);
    };
    await row("a.txt").focus();
    await palette("");
    await page.getByRole("option", { name: "Rename" }).waitFor();
    await lookTwice(page, variant, "palette");
    await field.fill("ren");
    await key("Enter");
    assert.equal(await page.getByLabel("New name").inputValue(), "a.txt");
    await key("Escape");
    await closed();
    await palette("xyz");
    await page.getByText("Nothing matches “xyz”.").waitFor();
    await key("Escape");
    await closed();
    await focusIs("a.txt");
    await palette("draf");
    await key("Enter");
    await page.getByRole("heading", { level: 1, name: "Drafts" }).waitFor();
    await palette("go");
    await field.fill("trash");
    await page.getByRole("option", { name: "Trash G T", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Trash" }).waitFor();
    await page.getByRole("button", { name: /your account/i }).first().click();
    await page.getByRole("menuitem", { name: "Find or do" }).click();
    await field.fill("my fil");
    await key("Enter");
    await row("a.txt").waitFor();
  });

  await step("sorting stays in the address", async () => {
    await page.getByRole("button", { name: "Size" }).click();
    await listed("Drafts", "b.txt", "c.txt", "a.txt", "d.txt");
    assert.match(page.url(), /sort=size&order=desc/);
    assert.equal(await page.getByRole("columnheader", { name: "Size" }).getAttribute("aria-sort"), "descending");
    await page.reload();
    await listed("Drafts", "b.txt", "c.txt", "a.txt", "d.txt");
    await page.getByRole("button", { name: "Size" }).click();
    await listed("Drafts", "d.txt", "a.txt", "c.txt", "b.txt");
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await listed("Drafts", "a.txt", "b.txt", "c.txt", "d.txt");
  });

  await step("rows dragged onto a folder move, with Ctrl they are copied, on the breadcrumb they go back", async () => {
    await row("a.txt").getByRole("checkbox").click();
    await row("d.txt").getByRole("checkbox").click();
    await row("a.txt").locator(".mod").dragTo(row("Drafts").locator(".mod"));
    await listed("Drafts", "b.txt", "c.txt");
    assert.deepEqual(await names(page, drafts.id), ["a.txt", "c.txt", "d.txt"]);
    await row("Drafts").dblclick({ position: { x: 500, y: 20 } });
    await listed("a.txt", "c.txt", "d.txt");
    await row("a.txt").locator(".mod").dragTo(page.getByRole("navigation", { name: "Folders" }).getByRole("link", { name: "My files" }));
    await listed("c.txt", "d.txt");
    await page.goBack();
    await listed("Drafts", "a.txt", "b.txt", "c.txt");
    await page.keyboard.down("Control");
    await row("b.txt").locator(".mod").dragTo(row("Drafts").locator(".mod"));
    await page.keyboard.up("Control");
    await until(async () => (await names(page, drafts.id)).join() === "b.txt,c.txt,d.txt", "the copy by dragging");
    await listed("Drafts", "a.txt", "b.txt", "c.txt");
  });

  await step("the menu of a right press", async () => {
    await row("b.txt").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    await key("Escape");
    await page.getByRole("menuitem", { name: "Rename" }).waitFor({ state: "detached" });
    await focusIs("b.txt");
  });

  await step("previews of every kind", async () => {
    const folder = await rest(page, "POST", `/nodes/${root}/folders`, { name: "Kinds" });
    const files = { "1 picture.png": png(900, 500), "2 paper.pdf": pdf("Page one", "Page two"), "3 text.txt": Buffer.from("First line\nand <b>second</b>\n"), "4 page.html": Buffer.from("<script>parent.document.title='ran'</script>"), "5 sound.wav": wav(), "6 film.webm": await webm(page), "7 other.bin": noise(500) };
    for (const [name, bytes] of Object.entries(files)) await put(folder.id, name, bytes);
    await page.goto(`/files/${folder.id}`);
    await row("1 picture.png").focus();
    await key("p");
    const dialog = page.locator("dialog[open]");
    await until(() => dialog.locator("img").evaluate((i) => i.complete && i.naturalWidth === 900), "the picture");
    await lookTwice(page, variant, "preview-picture");
    await key("ArrowRight");
    await dialog.getByRole("heading", { name: "2 paper.pdf" }).waitFor();
    const frame = page.frameLocator("iframe[title='PDF document']");
    await frame.getByRole("img", { name: "Page 2 of 2" }).waitFor();
    await until(() => frame.getByRole("img", { name: "Page 1 of 2" }).evaluate((c) => c.width > 700 && c.getContext("2d").getImageData(0, 0, c.width, c.height / 3).data.some((v, i) => i % 4 === 0 && v < 80)), "letters on the page");
    await lookTwice(page, variant, "preview-pdf");
    await key("ArrowRight");
    await dialog.getByText("and <b>second</b>").waitFor();
    await lookTwice(page, variant, "preview-text");
    await key("ArrowRight");
    await dialog.getByRole("heading", { name: "4 page.html" }).waitFor();
    await dialog.getByText("No preview for this kind of file.").waitFor();
    await key("ArrowRight");
    await until(() => dialog.locator("audio").evaluate((a) => a.duration > 0.4), "the sound");
    await lookTwice(page, variant, "preview-sound");
    await key("Escape");
    await focusIs("5 sound.wav");
    await row("6 film.webm").getByRole("link").click();
    await until(() => dialog.locator("video").evaluate((v) => v.videoWidth === 64), "the film");
    await dialog.locator("video").evaluate((v) => v.blur());
    await dialog.getByRole("button", { name: "Next" }).click();
    await dialog.getByText("No preview for this kind of file. Download it to open it.").waitFor();
    await lookTwice(page, variant, "preview-none");
    assert.equal(await dialog.getByRole("button", { name: "Next" }).isHidden(), true);
    await page.goBack();
    await dialog.waitFor({ state: "detached" });
    assert.doesNotMatch(await page.title(), /ran/);
  });

  assert.deepEqual(complaints, []);
});
