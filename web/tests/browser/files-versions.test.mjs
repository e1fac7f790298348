// The versions of a file in the details panel: seen, downloaded, restored, kept
// and deleted, on a wide screen and on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { downloaded, lookTwice, rest, rootOf, steps } from "./files-kit.mjs";
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

for (const variant of variants.slice(0, 2)) {
  test(`versions at ${variant.name}`, async (t) => {
    const { page, complaints, close } = await person(server, variant);
    t.after(close);
    const step = steps(t, page, `versions ${variant.name}`);
    await signIn(page, anna);
    const root = await rootOf(page);
    const name = `Report ${variant.width}.txt`;
    for (const text of ["first words", "second, longer words", "third"]) {
      await rest(page, "PUT", `/nodes/${root}/files?if_exists=version&name=${encodeURIComponent(name)}`, Buffer.from(text));
    }
    const versions = page.getByRole("list", { name: "Versions" });
    const messages = page.getByRole("region", { name: "Messages" });
    const shown = async (...want) => {
      await page.waitForFunction(
        ([all]) => JSON.stringify([...document.querySelectorAll('ul[aria-label="Versions"] strong')].map((e) => e.textContent)) === all,
        [JSON.stringify(want)],
      );
    };
    const act = async (number, item) => {
      await versions.getByRole("button", { name: `More actions for version ${number}` }).click();
      await page.getByRole("menuitem", { name: item, exact: true }).click();
    };

    await step("they are listed, newest first", async () => {
      await page.goto("/files");
      await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
      await page.getByRole("menuitem", { name: "Details" }).click();
      await shown("Version 3", "Version 2", "Version 1");
      await versions.getByText("Present").waitFor();
      await versions.scrollIntoViewIfNeeded();
      await lookTwice(page, variant, "files-versions");
    });

    await step("an older one is downloaded", async () => {
      const got = await downloaded(page, () => act(1, "Download"));
      assert.equal(got.name, name);
      assert.equal(got.bytes.toString(), "first words");
    });

    await step("two are compared, line by line, by sign and by word", async () => {
      await act(2, "Compare with the present one");
      const dialog = page.getByRole("dialog", { name: `Changes of “${name}”` });
      await dialog.getByText("From version 2 to version 3. 1 line added and 1 line removed.").waitFor();
      assert.deepEqual(await dialog.getByRole("listitem").evaluateAll((all) => all.map((li) => `${li.querySelector(".sign").textContent} ${li.querySelector(".text").textContent}`)), ["\u2212 Removed: second, longer words", "+ Added: third"]);
      await lookTwice(page, variant, "files-compare");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    });

    await step("one is restored, and nothing is removed", async () => {
      await act(1, "Restore");
      await messages.getByText("Version 1 becomes version 4. Nothing is removed.").waitFor();
      await shown("Version 4", "Version 3", "Version 2", "Version 1");
      const { items } = await rest(page, "GET", `/nodes/${root}/children?q=${encodeURIComponent(name)}`);
      assert.equal((await rest(page, "GET", `/nodes/${items[0].id}/content`)).toString(), "first words");
    });

    await step("one is kept for ever, and no longer", async () => {
      await act(2, "Keep for ever");
      await versions.getByText("Kept for ever").waitFor();
      await act(2, "Keep no longer than the rule says");
      await versions.getByText("Kept for ever").waitFor({ state: "detached" });
    });

    await step("one is deleted after a question", async () => {
      await act(2, "Delete for ever");
      await page.getByRole("heading", { name: "Delete version 2 for ever?" }).waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await shown("Version 4", "Version 3", "Version 2", "Version 1");
      await act(2, "Delete for ever");
      await page.getByRole("button", { name: "Delete version 2" }).click();
      await messages.getByText(/^Deleted version 2 for ever\. Backups keep nothing of it after/).waitFor();
      await shown("Version 4", "Version 3", "Version 1");
    });
    assert.deepEqual(complaints, []);
  });
}
