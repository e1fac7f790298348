// Anna shares: the dialog, what her colleagues see of it at once, what they may
// do, and how it ends. Then a team with its own space, and a group.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { noise, rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, look, mailTo, person, signIn, startServer, until, variants } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const tomas = { email: "tomas@haldenroe.example", name: "Tomas Halden", password: "harbour lights at dusk" };
const mia = { email: "mia@haldenroe.example", name: "Mia Berg", password: "seven herons on the pier" };
let server;
before(async () => {
  server = await startServer();
  for (const one of [anna, tomas, mia]) await createUser(server, one);
  for (const [i, name] of ["Elsa Kvist", "Jonas Ek"].entries()) {
    await createUser(server, { email: `${name.split(" ")[0].toLowerCase()}@haldenroe.example`, name, password: `a sentence of person ${i}` });
  }
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`sharing at ${variant.name}`, async (t) => {
    const a = await person(server, variant);
    const b = await person(server, variant);
    t.after(async () => (await a.close(), await b.close()));
    const step = steps(t, a.page, `share ${variant.name}`);
    await signIn(a.page, anna);
    await signIn(b.page, tomas);
    await rest(a.page, "PATCH", "/settings", { organisation: "Halden & Roe", members_make_spaces: false, members_make_groups: false });

    // Each variant has names of its own: one server tells all four.
    const sale = `2026 Sale ${variant.name}`;
    const root = await rootOf(a.page);
    const folder = await rest(a.page, "POST", `/nodes/${root}/folders`, { name: sale });
    const file = await rest(a.page, "PUT", `/nodes/${folder.id}/files?name=Agreement.pdf`, noise(40_000));
    const group = await rest(a.page, "POST", "/groups", { name: `Deal team ${variant.name}` });
    const people = Object.fromEntries((await rest(a.page, "GET", "/people")).items.map((p) => [p.name, p]));
    for (const name of ["Elsa Kvist", "Jonas Ek"]) await rest(a.page, "PUT", `/groups/${group.id}/members/${people[name].id}`);

    const dialog = a.page.getByRole("dialog");
    const field = dialog.getByRole("combobox");
    const row = (name) => dialog.getByRole("listitem").filter({ hasText: name });
    const give = dialog.getByRole("button", { name: "Give access" });
    const grid = (page) => page.getByRole("grid");
    const done = () => dialog.getByRole("button", { name: "Done" }).click();

    await step("the head button opens the dialog, which says that only she can open it", async () => {
      await a.page.goto(`/files/${folder.id}`);
      await a.page.getByRole("heading", { name: sale }).waitFor();
      await a.page.locator(".reach-btn").click();
      await dialog.getByRole("heading", { name: `Share “${sale}”` }).waitFor();
      await dialog.getByText("Only you can open this folder.").waitFor();
      await row("Anna Roe (you)").getByText("Owner").waitFor();
    });

    await step("what cannot be given is said beside the field", async () => {
      await give.click();
      await dialog.getByText("Type a name or an e-mail address.").waitFor();
      await field.fill("tomas@halden");
      await give.click();
      await dialog.getByText("“tomas@halden” is not a full e-mail address. It needs a part like .com at the end.").waitFor();
      await field.fill("Nobody Known");
      await give.click();
      await dialog.getByText("Nobody here is called “Nobody Known”.").waitFor();
    });

    await step("a colleague is found by a part of the name, given access by keys, and sees it at once", async () => {
      await field.fill("halden");
      await dialog.getByRole("option", { name: "Tomas Halden" }).waitFor();
      if (variant.phone) await give.click({ trial: true }); // nothing lies over it
      await look(a.page, variant, "share-find");
      await field.press("ArrowDown");
      await field.press("Enter");
      assert.equal(await field.inputValue(), "Tomas Halden");
      await dialog.getByText("More", { exact: true }).click();
      await dialog.getByLabel("Message (optional)").fill("Page 3 is new.");
      await field.press("Enter");
      await dialog.getByText("2 people can open this folder.").waitFor();
      await row("Tomas Halden").getByText("Added by you on").waitFor();
      await b.page.goto("/shared");
      assert.equal((await rest(b.page, "GET", "/notices")).items[0].message, "Page 3 is new.");
      const given = b.page.getByRole("listitem").filter({ hasText: sale });
      await given.getByText("From Anna Roe").waitFor();
      await given.getByText("Can view").filter({ visible: true }).waitFor();
      await look(b.page, variant, "share-shared");
      await given.getByRole("link", { name: sale }).click();
      await grid(b.page).getByText("Agreement.pdf").waitFor();
    });

    await step("who may only view has no controls, and the same answer", async () => {
      const { page } = b;
      assert.equal(await page.getByRole("link", { name: "Shared with me" }).filter({ visible: true }).count() > 0 || variant.phone, true);
      await page.locator(".reach-btn").click();
      const seen = page.getByRole("dialog");
      await seen.getByText("2 people can open this folder.").waitFor();
      assert.equal(await seen.getByRole("combobox").count(), 0);
      assert.equal(await seen.getByRole("button", { name: /What .* may do/ }).count(), 0);
      assert.equal(await seen.getByText(anna.email).count(), 0);
      await seen.getByRole("button", { name: "Ask Anna Roe for more rights" }).click();
      await seen.getByLabel("Message (optional)").fill("To add the signed page.");
      await look(page, variant, "share-viewer");
      await seen.getByRole("button", { name: "Ask", exact: true }).click();
      await seen.getByRole("status").getByText("They are told that you ask for more rights.").waitFor();
      const [asked] = (await rest(a.page, "GET", "/notices")).items;
      assert.deepEqual([asked.kind, asked.by.name, asked.name, asked.role, asked.message], ["share_asked", "Tomas Halden", sale, "view", "To add the signed page."]);
      await seen.getByRole("button", { name: "Done" }).click();
      assert.equal(await page.getByRole("button", { name: variant.phone ? "Upload" : "New or upload", exact: true }).filter({ visible: true }).count(), variant.phone ? 0 : 1);
    });

    await step("a group says how many it opens to; its members stand behind it", async () => {
      await field.fill("deal team");
      await dialog.getByRole("option", { name: `${group.name}, 2 people` }).click();
      await dialog.getByText("All of the group get access: 2 people now, and whoever joins later.").waitFor();
      await dialog.getByRole("button", { name: "What they may do: Can view" }).click();
      await a.page.getByRole("menuitem", { name: "Can edit (also upload, rename, move, delete)" }).click();
      await give.click();
      await dialog.getByText("4 people can open this folder.").waitFor();
      await dialog.getByRole("button", { name: `Who is in ${group.name}` }).click();
      await dialog.getByText("Elsa Kvist and Jonas Ek").waitFor();
      await look(a.page, variant, "share-dialog");
      await field.fill(tomas.email);
      await field.press("Enter");
      await dialog.getByText("Tomas Halden already has access (Can view).").waitFor();
    });

    await step("a role changes, and counts at once", async () => {
      await dialog.getByRole("button", { name: "What Tomas Halden may do: Can view" }).click();
      await a.page.getByRole("menuitem", { name: "Can manage (also share)" }).click();
      await dialog.getByRole("button", { name: "What Tomas Halden may do: Can manage" }).waitFor();
      await rest(b.page, "PUT", `/nodes/${folder.id}/files?name=Notes.txt`, Buffer.from("by Tomas"));
      await done();
      await dialog.waitFor({ state: "detached" });
      await a.page.reload();
      await grid(a.page).getByText("Notes.txt").waitFor();
    });

    await step("what comes from a folder is changed on the folder; S opens the dialog", async () => {
      if (variant.phone) {
        await grid(a.page).getByRole("button", { name: "More actions for Agreement.pdf" }).click();
        await a.page.getByRole("menuitem", { name: "Share…" }).click();
      } else {
        await grid(a.page).getByRole("row").filter({ hasText: "Agreement.pdf" }).click();
        await a.page.keyboard.press("s");
      }
      await dialog.getByRole("heading", { name: "Share “Agreement.pdf”" }).waitFor();
      await row("Tomas Halden").getByRole("link", { name: sale }).waitFor();
      await dialog.getByRole("button", { name: "What Tomas Halden may do: Can manage" }).click();
      assert.equal(await a.page.getByRole("menuitem", { name: "Remove access" }).count(), 0);
      await a.page.getByRole("menuitem", { name: "Change it on the folder" }).click();
      await dialog.getByRole("heading", { name: `Share “${sale}”` }).waitFor();
    });

    await step("removing is at once, can be taken back, and closes the door to what is open", async () => {
      const remove = async () => {
        await dialog.getByRole("button", { name: "What Tomas Halden may do: Can manage" }).click();
        await a.page.getByRole("menuitem", { name: "Remove access" }).click();
        await row("Tomas Halden").waitFor({ state: "detached" });
      };
      await remove();
      await dialog.getByText("3 people can open this folder.").waitFor();
      await dialog.getByRole("button", { name: "Undo" }).last().click();
      await row("Tomas Halden").waitFor();
      await remove();
      await b.page.reload();
      await b.page.getByRole("heading", { name: "This is not here, or you have no access to it." }).waitFor();
    });

    await step("a link for anybody: made with a password, shown once, and warned of", async () => {
      await dialog.getByRole("button", { name: "New link" }).click();
      const form = dialog.getByRole("region", { name: "New link" });
      await form.getByLabel("Name", { exact: true }).fill("For Maria Lindqvist");
      await form.getByText("This opens the whole folder: 2 items now, and everything added later.").waitFor();
      await form.getByLabel("Ends").selectOption("Never");
      await form.getByText("No end date: it works until you turn it off.").waitFor();
      await form.getByLabel("Ask for a password").uncheck();
      await form.getByText("Without a password, anyone who sees this address can open it, also if it is forwarded.").waitFor();
      await look(a.page, variant, "share-link-form");
      await form.getByLabel("Ask for a password").check();
      await form.getByLabel("Ends").selectOption("In 14 days");
      await form.getByLabel("Downloads at most").selectOption("5");
      await form.getByRole("button", { name: "Create link" }).click();
      const made = dialog.getByRole("region", { name: "The link is ready" });
      await made.getByRole("button", { name: "Copy link" }).and(a.page.locator(":focus")).waitFor();
      await made.getByRole("button", { name: "Copy password" }).waitFor();
      await dialog.getByText("3 people can open this folder, and so can anyone with the link and its password.").waitFor();
      await look(a.page, variant, "share-link-made");
      await made.getByRole("button", { name: "Done with this link" }).click();
      const card = dialog.getByRole("listitem").filter({ has: a.page.getByText("For Maria Lindqvist", { exact: true }) });
      for (const fact of ["Password set", "0 of 5 downloads used", "View and download", "Not opened yet", "Opens a whole folder, and what is added later"]) await card.getByText(fact, { exact: true }).waitFor();
      const { items } = await rest(a.page, "GET", `/nodes/${folder.id}/links`);
      assert.equal(items[0].url.startsWith(`${server.base}/l/`), true);
      await dialog.getByRole("button", { name: "Change link For Maria Lindqvist" }).click();
      await dialog.getByRole("region", { name: "Change the link" }).getByLabel("Ask for a password").uncheck();
      await dialog.getByRole("button", { name: "Save link" }).click();
      await dialog.getByText("3 people can open this folder, and so can anyone with the link.").waitFor();
      await card.getByText("No password", { exact: true }).first().waitFor();
      await look(a.page, variant, "share-link-card");
    });

    await step("turning a link off is at once, and can be taken back", async () => {
      await dialog.getByRole("button", { name: "Turn off link For Maria Lindqvist" }).click();
      await dialog.getByText("3 people can open this folder.", { exact: true }).waitFor();
      await dialog.getByText("This link no longer works. Copies already downloaded stay with whoever has them.").waitFor();
      await dialog.getByRole("button", { name: "Undo" }).last().click();
      await dialog.getByRole("button", { name: "Turn off link For Maria Lindqvist" }).click();
      await dialog.getByText("1 link that no longer works").waitFor();
    });

    await step("an outside address gets a link by e-mail, which opens for nobody else", async () => {
      const maria = `maria.${variant.width}@lindqvist.example`;
      await field.fill(maria);
      await give.click();
      await dialog.getByText(`${maria} is outside Halden & Roe. They get a public link by e-mail.`).waitFor();
      await dialog.getByRole("button", { name: "Send a link" }).click();
      const form = dialog.getByRole("region", { name: "New link" });
      assert.equal(await form.getByLabel("Only people I name").isChecked(), true);
      assert.equal(await form.getByLabel("E-mail addresses").inputValue(), maria);
      await form.getByLabel("Name", { exact: true }).fill("For the Lindqvists");
      await form.getByLabel("E-mail addresses").fill(`${maria}, tom@lindqvist`);
      await form.getByRole("button", { name: "Send link" }).click();
      await form.getByText("“tom@lindqvist” is not a full e-mail address, like name@example.com.").first().waitFor();
      await look(a.page, variant, "share-link-named");
      await form.getByLabel("E-mail addresses").fill(maria);
      await form.getByRole("button", { name: "Send link" }).click();
      const made = dialog.getByRole("region", { name: "The link is ready" });
      await made.getByText(`It was sent to ${maria}.`).waitFor();
      await made.getByRole("button", { name: "Done with this link" }).click();
      await dialog.getByText("3 people can open this folder. One link opens it for those outside whom it was made for, and for nobody else.").waitFor();
      const seen = new Set();
      await mailTo(server, maria, seen, /shared/);

      const { items } = await rest(a.page, "GET", `/nodes/${folder.id}/links`);
      const v = await person(server, variant, { javaScriptEnabled: false });
      t.after(v.close);
      await v.page.goto(items.find((one) => one.named).url);
      await v.page.getByLabel("Your e-mail address").fill(maria);
      await v.page.getByRole("button", { name: "Send the code" }).click();
      const { code } = await mailTo(server, maria, seen, /code/);
      await v.page.getByLabel("Code from the e-mail").fill(code);
      await v.page.getByRole("button", { name: "Open" }).click();
      await v.page.getByRole("heading", { name: sale }).waitFor();
    });

    await step("who opened it, for whom it is, and its QR code", async () => {
      const maria = `maria.${variant.width}@lindqvist.example`;
      await a.page.reload();
      await a.page.locator(".reach-btn").click();
      const card = dialog.getByRole("listitem").filter({ has: a.page.getByText("For the Lindqvists", { exact: true }) });
      await card.getByText(`Only for ${maria}`).waitFor();
      await card.getByRole("button", { name: /^Last opened today/ }).click();
      await card.getByText(`${maria} opened ${sale}`).waitFor();
      await card.getByText(/^Opened today/).waitFor();
      const table = await a.page.request.get(await card.getByRole("link", { name: "Export CSV" }).getAttribute("href"));
      assert.match(await table.text(), new RegExp(`,opened,1,${maria},`));
      await card.getByRole("button", { name: "Add people" }).click();
      await card.getByLabel("E-mail addresses").fill("tom@lindqvist.example");
      await card.getByRole("button", { name: "Send link" }).click();
      await card.getByText("tom@lindqvist.example", { exact: true }).waitFor();
      await card.getByText("Not opened yet", { exact: true }).waitFor();
      assert.ok(await dialog.locator(".body").evaluate((body) => body.scrollWidth <= body.clientWidth), "the dialog scrolls sideways");
      await look(a.page, variant, "share-link-people");
      await card.getByRole("button", { name: `Remove ${maria}` }).click();
      await card.getByText("Only for tom@lindqvist.example").waitFor();
      await card.getByText("Removed", { exact: true }).waitFor();
      await card.getByRole("button", { name: "QR code of link For the Lindqvists" }).click();
      const drawn = a.page.getByRole("dialog", { name: "QR code of “For the Lindqvists”" });
      const picture = drawn.getByRole("img", { name: /^QR code that opens http/ });
      assert.ok(await picture.evaluate((img) => img.decode().then(() => img.naturalWidth > 0)));
      await look(a.page, variant, "share-link-qr");
      await drawn.getByRole("button", { name: "Done" }).click();
      await drawn.waitFor({ state: "detached" });
    });

    await step("the copied address leads whoever has access to the file, and nobody else", async () => {
      await a.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.base });
      await field.fill("mia");
      await dialog.getByRole("option", { name: "Mia Berg" }).click();
      await give.click();
      await row("Mia Berg").waitFor();
      await dialog.getByRole("button", { name: "Copy address for these people" }).click();
      await dialog.getByText("Copied. It only works for the 4 people who have access.").waitFor();
      const address = await a.page.evaluate(() => navigator.clipboard.readText());
      assert.equal(address, `${server.base}/open/${folder.id}`);
      await done();
      await b.page.goto(address);
      await b.page.getByRole("heading", { name: "This is not here, or you have no access to it." }).waitFor();
      await rest(a.page, "POST", `/nodes/${file.id}/grants`, { email: tomas.email, role: "view" });
      await b.page.goto(`/open/${file.id}`);
      await b.page.getByRole("dialog").getByRole("heading", { name: "Agreement.pdf" }).waitFor();
      await b.page.waitForURL("**/shared?preview=*");
      await b.page.getByRole("button", { name: "Close preview" }).click();
    });

    await step("leaving a share can be taken back", async () => {
      const { page } = b;
      const given = page.getByRole("listitem").filter({ hasText: "Agreement.pdf" });
      const leave = async () => {
        await given.getByRole("button", { name: "More actions for Agreement.pdf" }).click();
        await page.getByRole("menuitem", { name: "Leave this share" }).click();
        await given.waitFor({ state: "detached" });
      };
      await leave();
      await page.getByRole("button", { name: "Undo" }).click();
      await given.waitFor();
      await leave();
      await page.getByText("Nobody has shared anything with you yet. When they do, you get an e-mail and it shows up here.").waitFor();
      await look(page, variant, "share-nothing");
      await page.goto("/files"); // going ends the time for Undo
      await until(async () => (await rest(page, "GET", "/shared")).total === 0, "the share was left");
    });

    await step("a team space is made, stands in the side bar, and has members", async () => {
      const team = `Closing ${variant.name}`;
      await a.page.goto("/teams");
      await a.page.getByRole("button", { name: "New team space" }).click();
      await dialog.getByLabel("Name of the team space").fill(team);
      await dialog.getByRole("button", { name: "Make team space" }).click();
      await a.page.getByRole("heading", { name: team }).waitFor();
      await a.page.getByRole("navigation", { name: "Folders" }).getByRole("link", { name: "Team spaces" }).waitFor();
      if (!variant.phone) await a.page.getByRole("list", { name: "Team spaces" }).getByRole("link", { name: team, exact: true }).and(a.page.locator("[aria-current=page]")).waitFor();
      await a.page.locator(".reach-btn").click();
      await dialog.getByRole("heading", { name: `Members of “${team}”` }).waitFor();
      await field.fill("tomas");
      await dialog.getByRole("option", { name: "Tomas Halden" }).click();
      await dialog.getByRole("button", { name: "What they may do: Can view" }).click();
      await a.page.getByRole("menuitem", { name: "Owner (also delete for ever, rename the space)" }).click();
      await give.click();
      await row("Tomas Halden").getByText("Owner").waitFor();
      await look(a.page, variant, "share-team-members");
      await done();
      await dialog.waitFor({ state: "detached" });
      const inside = await rest(a.page, "POST", `/nodes/${new URL(a.page.url()).pathname.split("/").pop()}/folders`, { name: "Drafts" });
      await b.page.goto(`/files/${inside.id}`);
      await b.page.getByRole("navigation", { name: "Folders" }).getByRole("link", { name: team }).waitFor();
      await a.page.goto("/teams");
      await a.page.getByRole("list", { name: "All team spaces" }).getByText("Anna Roe and Tomas Halden").first().waitFor();
      await look(a.page, variant, "share-teams");
    });

    await step("groups: somebody joins, and opens what is shared with it", async () => {
      await a.page.goto("/groups");
      await a.page.getByRole("button", { name: group.name, exact: true }).click();
      const members = a.page.getByRole("list", { name: `Members of ${group.name}` });
      await members.getByText("Elsa Kvist").waitFor();
      await a.page.getByRole("combobox").fill("tomas");
      await a.page.getByRole("option", { name: "Tomas Halden" }).click();
      await a.page.getByRole("button", { name: "Add to the group" }).click();
      await members.getByText("Tomas Halden").waitFor();
      await look(a.page, variant, "share-groups");
      await b.page.goto(`/files/${folder.id}`);
      await grid(b.page).getByText("Agreement.pdf").waitFor();
      await a.page.getByRole("button", { name: `Remove Tomas Halden from ${group.name}` }).click();
      await members.getByText("Tomas Halden").waitFor({ state: "detached" });
      await b.page.goto("/groups");
      assert.equal(await b.page.getByRole("button", { name: "New group" }).count(), 0);
    });

    await step("what somebody has is handed over, and becomes a team space", async () => {
      const { page } = a;
      await rest(b.page, "PUT", `/nodes/${await rootOf(b.page)}/files?name=Tide table ${encodeURIComponent(variant.name)}.txt`, Buffer.from("by Tomas"));
      await page.goto("/people");
      await page.getByRole("button", { name: "More actions for Tomas Halden" }).click();
      await page.getByRole("menuitem", { name: "Hand files over…" }).click();
      await dialog.getByRole("heading", { name: "Hand over the files of Tomas Halden" }).waitFor();
      await field.fill("mia");
      await dialog.getByRole("option", { name: "Mia Berg" }).click();
      await dialog.getByLabel("Name of the team space").fill(`Files of Tomas ${variant.name}`);
      await look(page, variant, "share-hand-over");
      await dialog.getByRole("button", { name: "Hand over the files of Tomas Halden" }).click();
      await dialog.waitFor({ state: "detached" });
      await until(async () => (await rest(page, "GET", "/teams")).items.some((team) => team.name === `Files of Tomas ${variant.name}` && team.owners[0].name === "Mia Berg"), "the hand over");
    });

    await step("no page complained", () => {
      assert.deepEqual(a.complaints, []);
      assert.deepEqual(b.complaints, []);
    });
  });
}
