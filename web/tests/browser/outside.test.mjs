// What leaves the organisation and what happened: the pages of links, file
// requests and activity, a file's own trail, and the administrator's pages.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, look, person, signIn, startServer, until, variants } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const tomas = { email: "tomas@haldenroe.example", name: "Tomas Halden", password: "harbour lights at dusk" };
let server;
before(async () => {
  server = await startServer();
  await createUser(server, anna);
  await createUser(server, tomas);
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`what goes outside at ${variant.name}`, async (t) => {
    const { page, complaints, close } = await person(server, variant);
    t.after(close);
    const step = steps(t, page, `outside ${variant.name}`);
    await signIn(page, anna);
    await rest(page, "PATCH", "/settings", { organisation: "Halden & Roe" });
    await rest(page, "PATCH", "/policy", { link_days_default: 14, link_days_max: 0, outside: "all", link_password_always: false });
    const root = await rootOf(page);
    for (const one of (await rest(page, "GET", "/links")).items) await rest(page, "DELETE", `/links/${one.id}`);
    for (const one of (await rest(page, "GET", "/requests")).items) await rest(page, "DELETE", `/requests/${one.id}`);
    for (const node of (await rest(page, "GET", `/nodes/${root}/children`)).items) await rest(page, "DELETE", `/nodes/${node.id}`);
    const deal = await rest(page, "POST", `/nodes/${root}/folders`, { name: "Sale of shares" });
    const file = await rest(page, "PUT", `/nodes/${deal.id}/files?name=Agreement%20v6.docx`, Buffer.from("one"));
    await rest(page, "PATCH", `/nodes/${file.id}`, { name: "Agreement v7.docx" });
    await rest(page, "PUT", `/nodes/${file.id}/content`, Buffer.from("two"));
    await rest(page, "POST", `/nodes/${deal.id}/grants`, { email: tomas.email, role: "edit" });
    const main = page.locator("main");
    const tab = (name) => main.getByRole("tab", { name });

    await step("no link, no request", async () => {
      await page.goto("/links");
      await main.getByText("No links. Nothing leaves the organisation through this server right now.").waitFor();
      await page.goto("/requests");
      await main.getByText("No requests. Ask someone outside to send you files").waitFor();
    });

    await rest(page, "POST", `/nodes/${file.id}/links`, { name: "For Maria Lindqvist", downloads_max: 5 });
    await rest(page, "POST", `/nodes/${deal.id}/links`, { name: "For the bank", password: null, ends_at: null });
    await rest(page, "POST", `/nodes/${file.id}/links`, { name: "For the tax office", ends_at: Date.now() + 3 * 86_400_000 });

    await step("links stand under their tabs, with what is risky above", async () => {
      await page.goto("/links");
      await tab("Live 3").waitFor();
      await main.getByText("1 link has no end date").waitFor();
      await main.getByText("1 link opens a whole folder without a password").waitFor();
      await main.getByText("0 of 5 downloads used").waitFor();
      await look(page, variant, "links");
      await tab("Ending this week 1").click();
      await main.getByText("For the tax office").waitFor();
      assert.equal(await main.getByText("For the bank").count(), 0);
    });

    await step("a new link begins with what it opens", async () => {
      await main.getByRole("button", { name: "New link" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("heading", { name: "What is the link to open?" }).waitFor();
      await dialog.getByRole("button", { name: "Sale of shares" }).click();
      await dialog.getByRole("button", { name: "Link to “Sale of shares”" }).waitFor();
      await look(page, variant, "links-pick");
      await dialog.getByRole("button", { name: "Agreement v7.docx" }).click();
      await dialog.getByRole("heading", { name: "Share “Agreement v7.docx”" }).waitFor();
      const form = dialog.getByRole("region", { name: "New link" });
      await form.getByLabel("Name", { exact: true }).fill("For the notary");
      await form.getByRole("button", { name: "Create link" }).click();
      await dialog.getByRole("region", { name: "The link is ready" }).waitFor();
      await dialog.getByRole("button", { name: "Done", exact: true }).click();
      await tab("Live 4").click();
      await main.getByRole("button", { name: "Turn off For the notary" }).click();
      await tab("Live 3").waitFor();
      for (const one of (await rest(page, "GET", "/links?state=off")).items) await rest(page, "DELETE", `/links/${one.id}`);
    });

    await step("who a link is for and what was done by it; its QR code", async () => {
      await tab("Live 3").click();
      await main.getByRole("button", { name: "Details of For Maria Lindqvist" }).click();
      const dialog = page.getByRole("dialog", { name: "For Maria Lindqvist" });
      await dialog.getByText("Anyone who has the address and the password.").waitFor();
      await dialog.getByText("Nobody has opened it yet.").waitFor();
      await dialog.getByRole("button", { name: "Only people I name" }).click();
      await dialog.getByRole("button", { name: "Send link" }).click();
      await dialog.getByText("Type at least one e-mail address.").first().waitFor();
      await look(page, variant, "links-details");
      await dialog.getByRole("button", { name: "Close" }).click();
      await main.getByRole("button", { name: "QR code of link For Maria Lindqvist" }).click();
      await page.getByRole("dialog").getByRole("img", { name: /^QR code that opens http/ }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    });

    await step("a warning is reviewed and done away with", async () => {
      await tab("Live 3").click();
      await main.getByRole("button", { name: "Review: 1 link has no end date" }).click();
      await main.getByRole("button", { name: "Set an end date: For the bank" }).click();
      await page.getByText(/^The link ends .* now\.$/).first().waitFor();
      await main.getByRole("button", { name: "Show all" }).click();
      await until(async () => (await main.getByText("1 link has no end date").count()) === 0, "the warning's end");
      await main.getByRole("button", { name: "Set a password: For the bank" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Set this password" }).click();
      await until(async () => (await main.getByText("without a password").count()) === 0, "the password's warning's end");
    });

    await step("several get another end, and are turned off, and on again", async () => {
      await main.getByLabel("Select For Maria Lindqvist").check();
      await main.getByLabel("Select For the bank").check();
      await main.getByText("2 selected").waitFor();
      await main.getByRole("button", { name: "Change end date" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Change 2 end dates" }).click();
      await dialog.getByText("Choose a day.").first().waitFor();
      const soon = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
      await dialog.getByLabel("Works until the end of this day").fill(soon);
      await look(page, variant, "links-end");
      await dialog.getByRole("button", { name: "Change 2 end dates" }).click();
      await tab("Ending this week 3").waitFor();
      await main.getByLabel("Select all").check();
      await main.getByRole("toolbar").getByRole("button", { name: "Turn off" }).click();
      await tab("Ended 3").waitFor();
      await page.getByText("3 links no longer work.").first().waitFor();
      await page.getByRole("button", { name: "Undo" }).last().click();
      await tab("Live 3").waitFor();
    });

    await step("a request is made, listed and turned off", async () => {
      await page.goto("/requests");
      await main.getByRole("button", { name: "New request" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Make the request" }).click();
      await dialog.getByText("Type what the files are").first().waitFor();
      await dialog.getByLabel("What are the files?").fill("Documents for closing");
      await look(page, variant, "requests-new");
      await dialog.getByRole("button", { name: "Make the request" }).click();
      await dialog.getByText(`${server.base}/r/`).waitFor();
      await dialog.getByRole("button", { name: "Done" }).click();
      await tab("Live 1").waitFor();
      await main.getByText("Nothing received yet").waitFor();
      await look(page, variant, "requests");
    });

    await step("a file tells its own trail", async () => {
      await page.goto(`/activity?node=${file.id}`);
      await main.getByText("You renamed it from “Agreement v6.docx”").waitFor();
      await main.getByText("You uploaded version 2").waitFor();
      await main.getByText("You made the link “For Maria Lindqvist” with a password to it").waitFor();
      await main.getByRole("button", { name: "Only Agreement v7.docx" }).waitFor();
      await main.getByText("Ends:").first().waitFor();
      await look(page, variant, "activity-file");
      await main.getByRole("link", { name: "Version 2" }).click();
      await page.getByRole("complementary", { name: "Details of Agreement v7.docx" }).getByRole("list", { name: "Versions" }).getByText("Version 2").waitFor();
      assert.doesNotMatch(page.url(), /show|open/);
      await page.getByRole("button", { name: "Close details" }).click();
    });

    await step("everything that happened, by day and by filter", async () => {
      await page.goto("/activity");
      await main.getByText("You gave Tomas Halden access to “Sale of shares” (can edit)").first().waitFor();
      await main.getByText("Kept for 365 days.").waitFor();
      await look(page, variant, "activity");
      await main.getByLabel("Only outside").check();
      await until(async () => (await main.getByText("You gave Tomas Halden").count()) === 0, "only what goes outside");
      await main.getByText("You made the link “For the bank” to “Sale of shares”").first().waitFor();
      assert.match(page.url(), /outside=true/);
      const table = await page.request.get(await main.getByRole("link", { name: "Export CSV" }).getAttribute("href"));
      assert.match(table.headers()["content-type"], /^text\/csv/);
      assert.match(await table.text(), /link\.made/);
      assert.doesNotMatch(await table.text(), /grant\.given/);
    });

    if (!variant.phone) {
      await step("the panel beside the list has the latest", async () => {
        await page.goto(`/files/${deal.id}`);
        await page.getByRole("row", { name: /Agreement v7\.docx/ }).click();
        await page.keyboard.press("i");
        const panel = page.getByRole("complementary", { name: "Details of Agreement v7.docx" });
        await panel.getByText("Latest activity").waitFor();
        await panel.getByRole("list", { name: "Latest activity" }).getByRole("listitem").nth(3).waitFor();
        await panel.getByRole("button", { name: /^All \d+ events$/ }).click();
        const trail = panel.getByRole("list", { name: "Activity" });
        await trail.getByText("And anyone with the link and its password").first().waitFor();
        await trail.getByText("Ends:").first().waitFor();
        await look(page, variant, "activity-panel");
        await trail.getByRole("link", { name: "Version 2" }).click();
        await panel.getByRole("list", { name: "Versions" }).getByText("Version 2").waitFor();
        assert.equal(await panel.getByRole("tab", { name: "Details" }).getAttribute("aria-selected"), "true");
        await panel.getByRole("tab", { name: "Details" }).press("ArrowRight");
        await trail.getByRole("link", { name: "Show the link" }).first().click();
        await page.getByRole("dialog", { name: /Agreement v7\.docx/ }).waitFor();
        await page.keyboard.press("Escape");
      });
    }

    await step("an administrator sees all, and sets the rules", async () => {
      await page.goto("/sharing");
      await main.getByText("Made by Anna Roe").first().waitFor();
      await look(page, variant, "sharing-all");
      await page.goto("/rules");
      await main.getByLabel("A new link or file request ends after").fill("0");
      await main.getByRole("button", { name: "Save the rules" }).click();
      await main.getByText("Type a number of days from 1 to 3,650.").first().waitFor();
      await main.getByLabel("A new link or file request ends after").fill("7");
      await main.getByLabel("Every link has a password").check();
      await look(page, variant, "rules");
      await main.getByRole("button", { name: "Save the rules" }).click();
      await page.getByText("The rules of sharing are saved.").first().waitFor();
      const policy = await rest(page, "GET", "/policy");
      assert.equal(policy.link_days_default, 7);
      assert.equal(policy.link_password_always, true);
    });
    assert.deepEqual(complaints, []);
  });
}
