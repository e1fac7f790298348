// The file manager at the widths between the others (1024, and the smallest phone
// of 360), with things that others can open: what lists say about it, and that
// moving where more people look is asked about first.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { folderAct, names, png, rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, look, person, signIn, startServer, until } from "./harness.mjs";

const password = "the ferry leaves at seven";
const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password, role: "owner" };
const others = ["Elsa Kvist", "Tomas Halden", "Mia Berg"].map((name) => ({ name, email: `${name.split(" ")[0].toLowerCase()}@haldenroe.example`, password }));
let server;
before(async () => {
  server = await startServer();
  for (const one of [anna, ...others]) await createUser(server, one);
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const variant of [
  { name: "1024 light", scheme: "light", width: 1024, height: 768, phone: false },
  { name: "360 dark", scheme: "dark", width: 360, height: 740, phone: true },
]) {
  test(`files at ${variant.name}`, async (t) => {
    const { page, complaints, close } = await person(server, variant);
    t.after(close);
    const step = steps(t, page, `widths ${variant.name}`);
    await signIn(page, anna);
    const root = await rootOf(page);
    const folder = (parent, name) => rest(page, "POST", `/nodes/${parent}/folders`, { name });
    const top = await folder(root, `Sale ${variant.width}`);
    const signed = await folder(top.id, "Signed");
    for (const name of ["p10.png", "p2.png", "Disclosure letter.pdf"]) await rest(page, "PUT", `/nodes/${top.id}/files?name=${encodeURIComponent(name)}`, png(80, 60));
    for (const { id } of (await rest(page, "GET", "/people")).items.filter((p) => p.email !== anna.email)) await rest(page, "POST", `/nodes/${signed.id}/grants`, { user_id: id, role: "view" });
    await page.goto(`/files/${top.id}`);
    const row = (name) => page.locator("[data-list] [data-id]", { has: page.getByRole("link", { name, exact: true }) });
    const menu = async (name, item) => {
      await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
      await page.getByRole("menuitem", { name: new RegExp(`^${item}`) }).click(); // with its key, where there are keys
    };
    const shown = () => page.locator("[data-list] [data-id] a").allInnerTexts();

    await step("numbers in names count, and each row says who can open it", async () => {
      await row("Signed").waitFor();
      assert.deepEqual(await shown(), ["Signed", "Disclosure letter.pdf", "p2.png", "p10.png"]);
      assert.match(await row("Signed").innerText(), /4 people/);
      assert.match(await row("p2.png").innerText(), /Only you/);
      await page.getByRole("button", { name: "Only you can open this folder" }).waitFor();
      await look(page, variant, "widths-list");
    });

    await step("sorting, selection, details and grid", async () => {
      if (variant.phone) await folderAct(page, variant, "Sort by name");
      else await page.getByRole("button", { name: "Name", exact: true }).click();
      await until(async () => (await shown()).join() === "Signed,p10.png,p2.png,Disclosure letter.pdf", "the order turned");
      await menu("p2.png", "Select");
      await page.getByRole("button", { name: "More for what is selected" }).waitFor();
      await look(page, variant, "widths-selected");
      await menu("p2.png", "Details");
      await page.getByRole("complementary", { name: "Details of p2.png" }).getByText("SHA-256").waitFor();
      await look(page, variant, "widths-details");
      await page.getByRole("button", { name: "Close details" }).click();
      await page.getByRole("button", { name: "Clear selection" }).click();
      await folderAct(page, variant, "Show as a grid");
      await page.locator(".tiles").getByRole("img", { name: "4 people" }).waitFor();
      await look(page, variant, "widths-grid");
      await folderAct(page, variant, "Show as a list");
    });

    await step("moving where more people look names them first", async () => {
      const ask = page.getByRole("dialog", { name: "Move “p2.png” to Signed" });
      const move = async () => {
        await menu("p2.png", "Move…");
        await page.getByRole("dialog").getByRole("button", { name: "Signed" }).click();
        await page.getByRole("button", { name: "Move to Signed" }).click();
        await ask.getByText("Elsa Kvist and 2 others will be able to open “p2.png”.").waitFor();
      };
      await move();
      await look(page, variant, "widths-widening");
      await ask.getByRole("button", { name: "Cancel" }).click();
      assert.deepEqual(await names(page, signed.id), []);
      await move();
      await ask.getByRole("button", { name: "Move", exact: true }).click();
      await row("p2.png").waitFor({ state: "detached" });
      assert.deepEqual(await names(page, signed.id), ["p2.png"]);
    });

    await step("what is lost with something shared is said, and Undo stays when its message has gone", async () => {
      await menu("Signed", "Move to trash");
      await row("Signed").waitFor({ state: "detached" });
      const said = page.locator(".toast", { hasText: "Moved “Signed” to trash. 3 people lose access." });
      await said.getByRole("button", { name: "Close" }).click();
      await said.waitFor({ state: "detached" });
      await page.locator("main").press("Control+z");
      await row("Signed").waitFor();
    });

    for (const [address, name] of [["/search?q=p10", "search"], ["/recent", "recent"], ["/trash", "trash"], ["/pinned", "pinned"]]) {
      await step(`${name} fits`, async () => {
        await page.goto(address);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await look(page, variant, `widths-${name}`);
      });
    }
    assert.deepEqual(complaints, []);
  });
}
