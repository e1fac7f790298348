// Who may store how much: an administrator's list of people and their quotas,
// and what a person sees of the own room, from almost full to full.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lookTwice, noise, rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, variants } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const ben = { email: "ben@haldenroe.example", name: "Ben Ekström", password: "harbour lights at dusk" };
let server;
before(async () => {
  server = await startServer();
  await createUser(server, anna);
  await createUser(server, ben);
  for (const [i, name] of ["Cid Möller", "Elsa Kvist", "Jonas Berg", "Mia Holm"].entries()) {
    await createUser(server, { email: `${name.split(" ")[0].toLowerCase()}@haldenroe.example`, name, password: `a sentence of person ${i}`, role: i === 1 ? "auditor" : "member" });
  }
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`people and room at ${variant.name}`, async (t) => {
    const a = await person(server, variant);
    const b = await person(server, variant);
    t.after(async () => (await a.close(), await b.close()));
    const step = steps(t, a.page, `people ${variant.name}`);
    await signIn(a.page, anna);
    await signIn(b.page, ben);
    await rest(a.page, "PATCH", "/settings", { organisation: "Halden & Roe", quota: -1 });
    const root = await rootOf(b.page);
    const old = await rest(b.page, "GET", `/nodes/${root}/children`);
    for (const node of old.items) await rest(b.page, "DELETE", `/nodes/${node.id}`);
    await rest(b.page, "DELETE", "/trash");
    await rest(b.page, "PUT", `/nodes/${root}/files?name=Scans.zip`, noise(700_000));

    const row = (name) => a.page.getByRole("list", { name: "People" }).getByRole("listitem").filter({ hasText: name });
    const dialog = a.page.getByRole("dialog");

    await step("everybody is listed, and the default quota set", async () => {
      await a.page.goto("/people");
      await a.page.locator("main").getByText("6 people").waitFor();
      await row("Ben Ekström").getByText("700 KB, no limit").waitFor();
      await a.page.getByRole("button", { name: "Change the default quota" }).click();
      await dialog.getByLabel("Up to").check();
      await dialog.getByLabel("Size").fill("much");
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.getByText("Type a number from 0 on").first().waitFor();
      await dialog.getByLabel("Size").fill("1,5");
      await dialog.getByLabel("Unit").selectOption("MB");
      await lookTwice(a.page, variant, "people-default");
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      await a.page.getByText("Default quota: 1.5 MB", { exact: true }).waitFor();
      await row("Ben Ekström").getByText("700 KB of 1.5 MB").waitFor();
    });

    await step("one is found and gets another quota", async () => {
      await a.page.getByLabel("Search by name or e-mail address").fill("EKSTRÖM");
      await a.page.locator("main").getByText("1 person found").waitFor();
      await a.page.getByRole("button", { name: "Set quota of Ben Ekström" }).click();
      assert.equal(await dialog.getByLabel("The default: 1.5 MB").isChecked(), true);
      await dialog.getByLabel("Up to").check();
      await dialog.getByLabel("Size").fill("0.5");
      await dialog.getByLabel("Unit").selectOption("MB");
      await dialog.getByText("Ben Ekström has stored 700 KB already. Nothing is lost, but nothing more fits in.").waitFor();
      await lookTwice(a.page, variant, "people-quota");
      await dialog.getByLabel("Size").fill("0.76");
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      await row("Ben Ekström").getByText("700 KB of 760 KB").waitFor();
      await row("Ben Ekström").getByText("Own quota").waitFor();
      await a.page.getByLabel("Search by name or e-mail address").fill("nobody at all");
      await a.page.getByText("Nobody here is called “nobody at all”.").waitFor();
      await a.page.getByLabel("Search by name or e-mail address").fill("");
      await a.page.locator("main").getByText("6 people").waitFor();
      await lookTwice(a.page, variant, "people");
    });

    await step("almost full is said, and what does not fit is refused with the numbers", async () => {
      const { page } = b;
      await page.goto("/files");
      await page.getByText("60 KB left of 760 KB.").filter({ visible: true }).first().waitFor();
      const chooser = page.waitForEvent("filechooser");
      await page.getByRole("button", { name: variant.phone ? "Upload" : "New or upload", exact: true }).click();
      await page.getByRole("menuitem", { name: "Upload files" }).click();
      await (await chooser).setFiles({ name: "Contract.pdf", mimeType: "application/pdf", buffer: noise(90_000) });
      const tray = page.getByRole("region", { name: "Uploads" });
      await tray.getByText("Failed: Not enough space: this needs 90 KB, 60 KB are left.").waitFor();
      await tray.getByRole("link", { name: "See trash" }).waitFor();
      await lookTwice(page, variant, "room-almost");
      assert.equal((await rest(page, "GET", `/nodes/${root}/children`)).total, 1);
    });

    await step("full is said; with more room it goes on", async () => {
      const { page } = b;
      const me = (await rest(a.page, "GET", "/people?q=ben@")).items[0];
      await rest(a.page, "PATCH", `/people/${me.id}`, { quota: 700_000 });
      await page.goto(variant.phone ? "/more" : "/files");
      await page.getByText("Your storage is full.").filter({ visible: true }).first().waitFor();
      await lookTwice(page, variant, "room-full");
      await rest(a.page, "PATCH", `/people/${me.id}`, { quota: null });
      await page.reload();
      await page.getByText("700 KB of 1.5 MB").filter({ visible: true }).first().waitFor();
      assert.equal(await page.getByText("Your storage is full.").filter({ visible: true }).count(), 0);
    });

    await step("who may not see people gets no page of them", async () => {
      await b.page.goto("/people");
      await b.page.getByRole("heading", { name: "This is not here, or you have no access to it." }).waitFor();
      assert.equal(await b.page.getByRole("link", { name: "People" }).count(), 0);
    });

    await step("no page complained", () => {
      assert.deepEqual(a.complaints, []);
      assert.deepEqual(b.complaints, []);
    });
  });
}
