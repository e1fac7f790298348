// The story of the file manager, at 1440 and 390 pixels: put files in, decide about names, arrange them, find them, delete them and get
// them back.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { choose, chooseFolder, downloaded, dropFiles, folderAct, lookTwice, names, noise, pdf, png, rest, rootOf, sha256, steps, unzip, wav } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

let server;
before(async () => {
  server = await startServer();
  await createUser(server, { email: "owner@haldenroe.example", name: "Owner", password: "the ferry leaves at seven", role: "owner" });
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const [variant, name] of [
  [variants[0], "Anna Roe"],
  [variants[3], "Elsa Kvist"],
]) {
  test(`files at ${variant.width}`, async (t) => {
    const who = { name, email: `${name.split(" ")[0].toLowerCase()}@haldenroe.example`, password: "the ferry leaves at seven" };
    await createUser(server, who);
    const { page, complaints, close } = await person(server, variant);
    const disk = mkdtempSync(join(tmpdir(), "coffer-tree-"));
    t.after(async () => {
      await close();
      rmSync(disk, { recursive: true, force: true });
    });
    const step = steps(t, page, `files ${variant.width}`);
    const see = (name) => lookTwice(page, variant, name);
    const row = (name) => page.locator(`[data-list] [data-id]`, { has: page.getByRole("link", { name, exact: true }) });
    const binned = (name) => page.locator("li .name").getByText(name, { exact: true });
    const shown = () => page.locator("[data-list] [data-id] a").allInnerTexts();
    const tray = page.getByRole("region", { name: "Uploads" });
    const openTray = async () => {
      const expand = tray.getByRole("button", { name: "Show upload list" });
      if (await expand.isVisible()) await expand.click();
    };
    const closeTray = () => tray.getByRole("button", { name: "Close upload list" }).click();
    const menu = async (name, item) => {
      await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
      await page.getByRole("menuitem", { name: item }).click();
    };
    const toast = (text) => page.getByRole("status").filter({ hasText: text }).or(page.locator(".toast", { hasText: text })).first().waitFor();
    let root;

    await step("an empty folder asks for files", async () => {
      await signIn(page, who);
      await page.getByText("Nothing here yet. Drop files or a folder anywhere on this page, or choose them.").waitFor();
      await see("files-empty");
      root = await rootOf(page);
    });

    const files = [
      { name: "Disclosure letter.pdf", buffer: pdf("Disclosure letter", "Second page") },
      { name: "Site plan.png", buffer: png() },
      { name: "Notes.txt", buffer: Buffer.from("First line\nSecond line\n") },
      { name: "Call.wav", buffer: wav() },
      { name: "Sale agreement v7.docx", buffer: noise(412_000) },
    ];
    await step("files go up and are stored as they were", async () => {
      await choose(page, files);
      await tray.getByText("5 files stored").waitFor();
      await openTray();
      await see("files-stored");
      await closeTray();
      for (const f of files) await row(f.name).waitFor();
      const items = (await rest(page, "GET", `/nodes/${root}/children`)).items;
      for (const f of files) {
        const { id } = items.find((n) => n.name === f.name);
        assert.equal((await rest(page, "GET", `/nodes/${id}`)).sha256, sha256(f.buffer), f.name);
      }
    });

    await step("a folder keeps its structure", async () => {
      mkdirSync(join(disk, "Due diligence", "Contracts", "2025"), { recursive: true });
      writeFileSync(join(disk, "Due diligence", "Index.txt"), "index");
      writeFileSync(join(disk, "Due diligence", "Contracts", "Lease.txt"), "lease");
      writeFileSync(join(disk, "Due diligence", "Contracts", "2025", "Loan.txt"), "loan");
      await chooseFolder(page, join(disk, "Due diligence"));
      await tray.getByText("3 files stored").waitFor();
      await closeTray();
      const loan = await rest(page, "GET", "/resolve?path=/Due%20diligence/Contracts/2025/Loan.txt");
      assert.equal(loan.sha256, sha256("loan"));
      await row("Due diligence").waitFor();
    });

    await step("files dropped on the page and on a folder land there", async () => {
      await dropFiles(page, page.locator("main"), [{ name: "Dropped.txt", buffer: Buffer.from("here") }]);
      await row("Dropped.txt").waitFor();
      await dropFiles(page, row("Due diligence"), [{ name: "Inside.txt", buffer: Buffer.from("inside") }]);
      await until(async () => (await names(page, (await rest(page, "GET", "/resolve?path=/Due%20diligence")).id)).includes("Inside.txt"), "the drop on a folder");
      await closeTray();
    });

    await step("taken names wait for a decision", async () => {
      await choose(page, [
        { name: "Notes.txt", buffer: Buffer.from("new notes") },
        { name: "Call.wav", buffer: wav(0.2) },
        { name: "Site plan.png", buffer: png(40, 40) },
        { name: "Dropped.txt", buffer: Buffer.from("again") },
      ]);
      await tray.getByText("Needs a decision").waitFor();
      await tray.getByText("“Notes.txt” is already here.").waitFor();
      await see("files-conflict");
      await tray.getByRole("button", { name: "Keep both" }).click();
      await tray.getByText("Same for the other 2").waitFor();
      await tray.getByRole("button", { name: "Replace" }).click(); // Call.wav
      await tray.getByLabel("Same for the other one").check();
      await tray.getByRole("button", { name: "Skip" }).click(); // both that are left
      await tray.getByText("2 files stored").waitFor();
      assert.equal(await tray.getByText("Skipped").count(), 2);
      await closeTray();
      await row("Notes (2).txt").waitFor();
      const call = await rest(page, "GET", "/resolve?path=/Call.wav");
      assert.equal(call.version_number, 2);
      assert.equal((await rest(page, "GET", "/resolve?path=/Dropped.txt")).sha256, sha256("here"));
    });

    await step("a name that is refused goes up under another, and says so", async () => {
      await choose(page, [{ name: "Report. ", buffer: Buffer.from("x") }]);
      await tray.getByText("1 file stored").waitFor();
      await openTray();
      await tray.getByText(/^The name cannot be used here. Renamed to/).waitFor();
      await closeTray();
      await rest(page, "POST", "/batch", { op: "trash", ids: [(await rest(page, "GET", `/nodes/${root}/children?q=Report`)).items[0].id] });
      await rest(page, "DELETE", "/trash");
    });

    await step("a new folder, refused when the name is taken", async () => {
      await page.getByRole("button", { name: variant.phone ? "Upload" : "New or upload", exact: true }).click();
      await page.getByRole("menuitem", { name: "New folder" }).waitFor();
      await see("files-new-menu");
      await page.getByRole("menuitem", { name: "New folder" }).click();
      await page.getByLabel("Name of the folder").fill("Signed");
      await see("files-new-folder");
      await page.getByRole("button", { name: "Create folder" }).click();
      await row("Signed").waitFor();
      await page.getByRole("button", { name: variant.phone ? "Upload" : "New or upload", exact: true }).click();
      await page.getByRole("menuitem", { name: "New folder" }).click();
      await page.getByLabel("Name of the folder").fill("SIGNED");
      await page.getByRole("button", { name: "Create folder" }).click();
      await page.getByRole("link", { name: /^There is already something called/ }).waitFor();
      await see("files-new-folder-taken");
      await page.keyboard.press("Escape");
      await page.locator("dialog[open]").waitFor({ state: "detached" });
    });

    await step("rename, with undo", async () => {
      await menu("Notes (2).txt", "Rename");
      const field = page.getByLabel("New name");
      assert.equal(await field.evaluate((i) => i.value.slice(i.selectionStart, i.selectionEnd)), "Notes (2)", "the name without its end is selected");
      await field.fill("Minutes.txt");
      await page.getByRole("button", { name: "Rename", exact: true }).last().click();
      await row("Minutes.txt").waitFor();
      await page.getByRole("button", { name: "Undo" }).last().click();
      await row("Notes (2).txt").waitFor();
    });

    await step("move by the dialog, with undo; copy", async () => {
      await menu("Disclosure letter.pdf", "Move…");
      await page.getByRole("dialog").getByRole("button", { name: "Signed" }).click();
      await page.getByRole("button", { name: "Move to Signed" }).waitFor();
      await see("files-move");
      await page.getByRole("button", { name: "Move to Signed" }).click();
      await row("Disclosure letter.pdf").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Undo" }).last().click();
      await row("Disclosure letter.pdf").waitFor();
      await menu("Site plan.png", "Copy…");
      await page.getByRole("dialog").getByRole("button", { name: "Signed" }).click();
      await page.getByRole("button", { name: "Copy to Signed" }).click();
      const signed = await rest(page, "GET", "/resolve?path=/Signed");
      await until(async () => (await names(page, signed.id)).join() === "Site plan.png", "the copy");
    });

    await step("folders open by a press and lead back", async () => {
      await page.getByRole("link", { name: "Due diligence", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: "Due diligence" }).waitFor();
      await page.getByRole("link", { name: "Contracts", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: "Contracts" }).waitFor();
      await page.getByRole("link", { name: "2025", exact: true }).click();
      await row("Loan.txt").waitFor();
      await see("files-deep");
      await page.getByRole("navigation", { name: "Folders" }).getByRole("link", { name: "Contracts" }).click();
      await row("Lease.txt").waitFor();
      await page.goBack();
      await row("Loan.txt").waitFor();
      await page.goto("/files");
      await row("Signed").waitFor();
    });

    await step("details of one, kept over a reload", async () => {
      await menu("Call.wav", "Details");
      const panel = page.getByRole("complementary", { name: "Details of Call.wav" });
      await panel.getByText(sha256(wav(0.2))).waitFor();
      await panel.getByText(/· version 2$/).waitFor();
      await see("files-details");
      await page.reload();
      await page.getByRole("complementary", { name: "Details of My files" }).waitFor();
      await page.getByRole("button", { name: "Close details" }).click();
      await page.getByRole("complementary", { name: /^Details/ }).waitFor({ state: "detached" });
    });

    await step("grid and list, remembered for the folder", async () => {
      await folderAct(page, variant, "Show as a grid");
      await page.locator(".tiles").waitFor();
      await see("files-grid");
      await page.reload();
      await page.locator(".tiles").waitFor();
      await folderAct(page, variant, "Show as a list");
      await row("Signed").waitFor();
    });

    await step("filter this folder", async () => {
      await folderAct(page, variant, "Filter this folder");
      await page.getByRole("searchbox").fill("notes");
      await until(async () => (await shown()).join() === "Notes (2).txt,Notes.txt", "the filtered list");
      await see("files-filter");
      await page.getByRole("searchbox").fill("nothing like this");
      await page.getByText("Nothing in this folder matches. Check the spelling.").waitFor();
      await page.getByRole("searchbox").press("Escape");
      await row("Signed").waitFor();
    });

    await step("single download, folder and selection as ZIP, byte for byte", async () => {
      const one = await downloaded(page, () => menu("Sale agreement v7.docx", "Download"));
      assert.equal(one.name, "Sale agreement v7.docx");
      assert.equal(sha256(one.bytes), sha256(files[4].buffer));
      const folder = await downloaded(page, () => menu("Due diligence", "Download"));
      assert.equal(folder.name, "Due diligence.zip");
      const found = unzip(folder.bytes);
      assert.equal(found.get("Due diligence/Contracts/2025/Loan.txt")?.toString(), "loan");
      assert.equal(found.get("Due diligence/Inside.txt")?.toString(), "inside");
      await menu("Disclosure letter.pdf", "Select");
      if (variant.phone) await row("Notes.txt").click();
      else await row("Notes.txt").getByRole("checkbox").click();
      await page.getByText("2 selected").first().waitFor();
      await see("files-selected");
      const two = unzip((await downloaded(page, () => page.getByRole("toolbar").getByRole("button", { name: "Download" }).click())).bytes);
      assert.deepEqual([...two.keys()].sort(), ["Disclosure letter.pdf", "Notes.txt"]);
      assert.equal(sha256(two.get("Disclosure letter.pdf")), sha256(files[0].buffer));
      await page.getByRole("button", { name: "Clear selection" }).click();
    });

    await step("trash with undo, then the trash page", async () => {
      await menu("Dropped.txt", "Move to trash");
      await toast("Moved “Dropped.txt” to trash");
      await see("files-trash-toast");
      await page.getByRole("button", { name: "Undo" }).last().click();
      await row("Dropped.txt").waitFor();
      for (const name of ["Dropped.txt", "Notes (2).txt", "Signed", "Call.wav"]) {
        await menu(name, "Move to trash");
        await row(name).waitFor({ state: "detached" });
      }
      const inside = await rest(page, "GET", "/resolve?path=/Due%20diligence/Index.txt");
      const parent = await rest(page, "GET", "/resolve?path=/Due%20diligence");
      await rest(page, "DELETE", `/nodes/${inside.id}`);
      await rest(page, "DELETE", `/nodes/${parent.id}`);
      await rest(page, "DELETE", `/trash/${parent.id}`);
      if (variant.phone) await page.getByRole("link", { name: "More", exact: true }).click();
      await page.getByRole("link", { name: "Trash", exact: true }).click();
      await page.getByText("30 days left").first().waitFor();
      await page.getByText("The folder it was in no longer exists. Restore to My files?").waitFor();
      await see("trash");
      await page.getByRole("button", { name: "Restore to My files Index.txt" }).click();
      await binned("Index.txt").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Restore Call.wav" }).click();
      await binned("Call.wav").waitFor({ state: "detached" });
      await page.getByLabel("Select Signed").check();
      await page.getByRole("button", { name: "Delete for ever" }).click();
      await page.getByRole("button", { name: "Delete “Signed”" }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "Cancel");
      await see("trash-confirm");
      await page.getByRole("button", { name: "Delete “Signed”" }).click();
      await binned("Signed").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Empty trash" }).click();
      await page.getByRole("button", { name: "Delete 2 items" }).click();
      await page.getByText("Trash is empty. Deleted files stay here for 30 days.").waitFor();
      await see("trash-empty");
      assert.deepEqual(await names(page, root), ["Call.wav", "Disclosure letter.pdf", "Index.txt", "Notes.txt", "Sale agreement v7.docx", "Site plan.png"]);
    });

    assert.deepEqual(complaints, [], "nothing was asked of other hosts, nothing refused by the content policy");
  });
}
