// A copy that takes the server longer than an answer may: told in the tray,
// found again after a reload, cancelled without a trace, and done.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lookTwice, rest, rootOf, steps } from "./files-kit.mjs";
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

for (const variant of [variants[0], variants.at(-1)]) {
  test(`large copies at ${variant.name}`, async (t) => {
    const { page, complaints, close } = await person(server, variant);
    t.after(close);
    const step = steps(t, page, `works ${variant.name}`);
    await signIn(page, anna);
    const root = await rootOf(page);
    const folder = (parent, name) => rest(page, "POST", `/nodes/${parent}/folders`, { name }).then((n) => n.id);
    const home = await folder(root, `Archive ${variant.name}`);
    const over = async (id) => until(async () => !["waiting", "running"].includes((await rest(page, "GET", `/jobs/${id}`)).state), "the end of the job", 60_000);

    await step("a folder grows", async () => {
      const seed = await folder(home, "Seed");
      for (let i = 0; i < 1050; i += 25) {
        await Promise.all(Array.from({ length: 25 }, (_, k) => rest(page, "PUT", `/nodes/${seed}/files?name=${i + k}.txt`, Buffer.from("x"))));
      }
      const big = await folder(home, "Client files");
      for (let i = 0; i < 24; i++) {
        const answer = await rest(page, "POST", "/batch", { op: "copy", ids: [seed], to: big, if_exists: "keep_both" });
        await over(answer.job.id);
      }
    });

    const tray = page.getByRole("region", { name: "Uploads" });
    const names = () => rest(page, "GET", `/nodes/${home}/children`).then((list) => list.items.map((n) => n.name).join(", "));
    const copy = async () => {
      await page.getByRole("button", { name: "More actions for Client files", exact: true }).click();
      await page.getByRole("menuitem", { name: /^Copy…/ }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: /^Copy to/ }).click();
    };

    await step("its copy is told in the tray, also after a reload, and cancelled", async () => {
      await page.goto(`/files/${home}`);
      await copy();
      await tray.getByText("Copying “Client files”").waitFor();
      await tray.getByText(/^[\d,]+ of 25,225 files and folders$/).waitFor();
      assert.equal(await names(), "Client files, Seed");
      await page.reload();
      await tray.getByText("Copying files and folders").first().waitFor();
      await tray.getByText(/ of 25,225 files and folders$/).waitFor();
      await lookTwice(page, variant, "copy-running");
      await tray.getByRole("button", { name: "Cancel this copy" }).click();
      await tray.getByText("Cancelled. What was not whole yet is removed.").waitFor();
      assert.equal(await names(), "Client files, Seed");
      assert.equal((await rest(page, "GET", "/spaces")).items[0].reserved, 0);
    });

    await step("another is done and shows", async () => {
      await copy();
      await tray.getByText("Copied", { exact: true }).waitFor({ timeout: 60_000 });
      await page.locator("[data-id]", { hasText: "Client files (2)" }).waitFor();
      assert.equal(await names(), "Client files, Client files (2), Seed");
      await lookTwice(page, variant, "copy-done");
      await tray.getByRole("button", { name: "Close upload list" }).click();
      await tray.waitFor({ state: "detached" });
    });

    await step("no page complained", () => assert.deepEqual(complaints, []));
  });
}
