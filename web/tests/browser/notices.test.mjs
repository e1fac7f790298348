// What others share is told: the bell, the list of notices, and the switches for
// what comes by e-mail.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lookTwice, rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

const password = "the ferry leaves at seven";
let server;
before(async () => {
  server = await startServer();
  await createUser(server, { email: "elsa@haldenroe.example", name: "Elsa Kvist", password, role: "owner" });
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`notices at ${variant.name}`, async (t) => {
    const anna = { email: `anna-${variant.width}@haldenroe.example`, name: "Anna Roe", password };
    const ben = { email: `ben-${variant.width}@haldenroe.example`, name: "Ben Ekström", password };
    await createUser(server, anna);
    await createUser(server, ben);
    const a = await person(server, variant);
    const b = await person(server, variant);
    t.after(async () => (await a.close(), await b.close()));
    const { page } = b;
    const step = steps(t, page, `notices ${variant.name}`);
    await signIn(a.page, anna);
    await signIn(page, ben);
    const root = await rootOf(a.page);
    const folder = await rest(a.page, "POST", `/nodes/${root}/folders`, { name: "Closing bundle <b>" });
    const bell = page.getByRole("link", { name: /^Notices/ }).filter({ visible: true });
    const row = (text) => page.getByRole("list", { name: "Notices" }).getByRole("listitem").filter({ hasText: text });
    let grant;

    await step("nothing has happened", async () => {
      await bell.click();
      await page.getByText("Nothing has happened yet.").waitFor();
      assert.equal(await bell.getAttribute("aria-label"), "Notices");
      await lookTwice(page, variant, "notices-empty");
    });

    await step("what is shared is told, and leads there", async () => {
      grant = await rest(a.page, "POST", `/nodes/${folder.id}/grants`, { email: ben.email, role: "edit", message: "See page 3,\nthen sign." });
      await page.reload();
      await until(async () => (await bell.getAttribute("aria-label")) === "Notices, 1 not read", "the bell counts");
      await row("Anna Roe shared Closing bundle <b> with you").getByText("You can edit it").waitFor();
      await row("Anna Roe shared").getByText("then sign.").waitFor();
      await lookTwice(page, variant, "notices");
      await row("Anna Roe shared").getByRole("link").click();
      await page.getByRole("heading", { level: 1, name: "Closing bundle <b>" }).waitFor();
      await until(async () => (await bell.getAttribute("aria-label")) === "Notices", "it is read");
    });

    await step("what ended is told, leads nowhere, and all is marked as read", async () => {
      await rest(a.page, "DELETE", `/nodes/${folder.id}/grants/${grant.id}`);
      await page.goto("/notices");
      await row("Anna Roe ended your access to Closing bundle <b>").waitFor();
      assert.equal(await page.getByRole("list", { name: "Notices" }).getByRole("link").count(), 0);
      await page.getByRole("button", { name: "Mark all as read" }).click();
      await page.getByRole("button", { name: "Mark all as read" }).waitFor({ state: "detached" });
      await until(async () => (await bell.getAttribute("aria-label")) === "Notices", "the bell is quiet");
    });

    await step("each mail is a switch", async () => {
      await page.getByRole("link", { name: "Choose what comes by e-mail" }).click();
      const box = page.getByRole("checkbox", { name: "One mail a day" });
      assert.equal(await page.getByRole("checkbox", { name: "Something is shared with me" }).isChecked(), true);
      assert.equal(await box.isChecked(), false);
      await box.check();
      await until(async () => (await rest(page, "GET", "/me/notices")).digest, "the switch is saved");
      await lookTwice(page, variant, "notices-settings");
      await page.reload();
      await box.waitFor();
      assert.equal(await box.isChecked(), true);
    });

    await step("no page complained", () => {
      assert.deepEqual(a.complaints, []);
      assert.deepEqual(b.complaints, []);
    });
  });
}
