// The story of an installation's first day, told four times: at 1440 and 390
// pixels, light and dark. Anna sets the server up, Maria joins by e-mail, both
// look after their accounts.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeBrowser, look, mailTo, person, setupCode, startServer, story, variants } from "./harness.mjs";

const anna = { name: "Anna Roe", email: "anna@haldenroe.example", password: "the ferry leaves at seven" };
const maria = { name: "Maria Lindqvist", email: "maria@haldenroe.example", password: "tide tables by the clock" };

after(closeBrowser);

for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`accounts at ${variant.name}`, async (t) => {
    const server = await startServer();
    const code = await setupCode(server);
    const a = await person(server, variant);
    const m = await person(server, variant);
    const seen = new Set();
    t.after(async () => {
      await a.close();
      await m.close();
      await server.stop();
    });
    const step = story(t);
    const see = (page, name) => look(page, variant, name);
    const title = (page, text) => page.waitForFunction((want) => document.title.startsWith(want), text);

    await step("a fresh server leads everybody to the setup page", async () => {
      const { page } = a;
      await page.goto("/files");
      await page.waitForURL("**/setup");
      await page.getByRole("button", { name: "Finish setup" }).click();
      await page.getByRole("heading", { name: "There is a problem" }).waitFor();
      await title(page, "Error: ");
      assert.equal(await page.evaluate(() => document.activeElement.className.includes("summary")), true, "the summary has the focus");
      await see(page, "setup-problem");
      await page.getByRole("link", { name: "Type your name." }).click();
      assert.equal(await page.evaluate(() => document.activeElement.name), "name");
    });

    await step("Anna sets the server up with the code of the log", async () => {
      const { page } = a;
      await page.goto(`/setup#${code}`); // in the tab that shows the page without a code
      await page.getByRole("heading", { level: 1, name: "Set up this server" }).waitFor();
      await page.waitForFunction(() => location.hash === ""); // the code leaves the address bar
      await page.getByLabel("Name", { exact: true }).waitFor();
      assert.equal(await page.getByLabel("Setup code").count(), 0, "the code is known");
      await see(page, "setup");
      await page.getByLabel("Name", { exact: true }).fill(anna.name);
      await page.getByLabel("E-mail address", { exact: true }).fill(anna.email);
      await page.getByLabel("Password", { exact: true }).fill(anna.password);
      await page.getByLabel("Name of the organisation").fill("Halden & Roe");
      await page.getByLabel("People with an e-mail address at our domains").check();
      await page.getByLabel("Domains", { exact: true }).fill("haldenroe.example");
      await page.getByRole("button", { name: "Finish setup" }).click();
      await page.waitForURL("**/files");
      await title(page, "My files · Halden & Roe");
    });

    await step("afterwards the setup page is gone", async () => {
      await m.page.goto(`/setup#${code}`);
      await m.page.getByRole("heading", { name: "This server is set up." }).waitFor();
      await see(m.page, "setup-gone");
    });

    await step("Maria creates an account", async () => {
      const { page } = m;
      await page.goto("/trash");
      await page.waitForURL("**/sign-in?next=*");
      await page.getByRole("link", { name: "Create an account" }).click();
      await page.getByRole("heading", { level: 1, name: "Create your account" }).waitFor();
      await page.getByLabel("Name", { exact: true }).fill(maria.name);
      await page.getByLabel("E-mail address", { exact: true }).fill("maria@elsewhere.example");
      await page.getByLabel("Password", { exact: true }).fill("short");
      await page.getByText("7 more characters to go").waitFor();
      await page.getByRole("button", { name: "Create account" }).click();
      await page.getByRole("link", { name: "This server only accepts addresses at haldenroe.example." }).waitFor();
      await page.getByLabel("Password", { exact: true }).fill("password1234");
      await page.getByLabel("E-mail address", { exact: true }).fill("wrong@haldenroe.example");
      await page.getByRole("button", { name: "Create account" }).click();
      await page.getByRole("link", { name: "This password is known from stolen lists. Choose another." }).waitFor();
      await see(page, "create-problem");
      await page.getByLabel("Password", { exact: true }).fill(maria.password);
      await page.getByRole("button", { name: "Create account" }).click();
      await page.waitForURL("**/check-email");
      await page.getByText("wrong@haldenroe.example").waitFor();
      await see(page, "check-email");
    });

    await step("she corrects the address, and a wrong code is refused", async () => {
      const { page } = m;
      await page.getByRole("button", { name: "Change address" }).click();
      const dialog = page.getByRole("dialog", { name: "Change the e-mail address" });
      await dialog.getByLabel("E-mail address", { exact: true }).fill(maria.email);
      await see(page, "check-email-change");
      await dialog.getByRole("button", { name: "Change address and send" }).click();
      await page.getByText(maria.email).waitFor();
      await page.getByText(/Send again in \d+ seconds?/).waitFor();
      const { code: right } = await mailTo(server, maria.email, seen);
      const wrong = right === "111111" ? "222222" : "111111";
      await page.getByLabel("6-digit code").fill(wrong);
      await page.getByRole("button", { name: "Confirm", exact: true }).click();
      await page.getByRole("link", { name: "That code is not right." }).waitFor();
      // Typed as the mail shows it, in two groups.
      await page.getByLabel("6-digit code").fill(`${right.slice(0, 3)} ${right.slice(3)}`);
      await page.getByRole("button", { name: "Confirm", exact: true }).click();
      await page.waitForURL("**/files");
    });

    await step("somebody else confirms by the link of the mail: opening alone confirms nothing", async () => {
      const jonas = { email: "jonas@haldenroe.example", password: "boats in the morning fog" };
      const j = await person(server, variant);
      const other = await person(server, variant);
      try {
        await j.page.goto("/create-account");
        await j.page.getByLabel("Name", { exact: true }).fill("Jonas Berg");
        await j.page.getByLabel("E-mail address", { exact: true }).fill(jonas.email);
        await j.page.getByLabel("Password", { exact: true }).fill(jonas.password);
        await j.page.getByRole("button", { name: "Create account" }).click();
        const { link } = await mailTo(server, jonas.email, seen);
        const { page } = other;
        await page.goto(link);
        await page.getByText(jonas.email).waitFor();
        await page.getByText("From the network").waitFor();
        assert.equal(new URL(page.url()).hash, "", "the token leaves the address bar");
        await see(page, "confirm");
        const early = await page.request.post("/api/v1/session", { data: jonas });
        assert.equal(early.status(), 401, "not confirmed yet");
        await page.getByRole("button", { name: "Confirm my e-mail address" }).click();
        await page.getByRole("heading", { name: "Your e-mail address is confirmed" }).waitFor();
        assert.equal((await page.request.get("/api/v1/session")).status(), 401, "the link signs nobody in");
        await page.goto("/"); // leave, then open the used link again
        await page.goto(link);
        await page.getByRole("heading", { name: "This link does not work any more." }).waitFor();
        await see(page, "confirm-ended");
        assert.deepEqual([...j.complaints, ...other.complaints], []);
      } finally {
        await j.close();
        await other.close();
      }
    });

    await step("Maria signs out and in again; a wrong password tells nothing", async () => {
      const { page } = m;
      if (variant.phone) {
        await page.getByRole("link", { name: "More", exact: true }).click();
        await page.getByRole("heading", { level: 1, name: "More" }).waitFor();
        await see(page, "more");
        await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
      } else {
        await page.getByRole("button", { name: /your account/ }).click();
        await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
        await see(page, "account-menu");
        await page.getByRole("menuitem", { name: "Sign out" }).click();
      }
      await page.getByText("You are signed out.").waitFor();
      await see(page, "sign-in");
      for (const email of [maria.email, "nobody@haldenroe.example"]) {
        await page.getByLabel("E-mail address", { exact: true }).fill(email);
        await page.getByLabel("Password", { exact: true }).fill("not the right one");
        await page.getByRole("button", { name: "Sign in", exact: true }).click();
        await page.getByText("E-mail address or password is not right.").waitFor();
      }
      await see(page, "sign-in-problem");
      await page.getByLabel("E-mail address", { exact: true }).fill(maria.email);
      await page.getByLabel("Password", { exact: true }).fill(maria.password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.waitForURL("**/files");
    });

    await step("she sets a new password by mail, which ends her sessions", async () => {
      const { page } = m;
      const r = await person(server, variant);
      try {
        await r.page.goto("/sign-in");
        await r.page.getByRole("link", { name: "Forgot your password?" }).click();
        await r.page.getByRole("heading", { level: 1, name: "Set a new password" }).waitFor();
        await r.page.getByLabel("E-mail address", { exact: true }).fill(maria.email);
        await r.page.getByRole("button", { name: "Send the link" }).click();
        await r.page.getByText("If an account exists for that address, we sent a link.").waitFor();
        await see(r.page, "forgot-sent");
        const { link } = await mailTo(server, maria.email, seen, /\/reset#/);
        await r.page.goto(link);
        await r.page.getByLabel("New password", { exact: true }).fill("a lantern on every boat");
        await see(r.page, "reset");
        await r.page.getByRole("button", { name: "Change password" }).click();
        await r.page.getByRole("heading", { name: "Password changed." }).waitFor();
        assert.deepEqual(r.complaints, []);
      } finally {
        await r.close();
      }
      await page.goto("/settings"); // in her first browser, which was signed in
      await page.waitForURL("**/sign-in?next=*");
      await page.getByLabel("E-mail address", { exact: true }).fill(maria.email);
      await page.getByLabel("Password", { exact: true }).fill("a lantern on every boat");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.waitForURL("**/settings");
    });

    await step("signed out in the middle: she signs in over the page and it goes on", async () => {
      const { page } = m;
      const field = page.getByRole("main").getByLabel("Name", { exact: true });
      await field.fill("Maria L.");
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Save", exact: true }).click();
      const dialog = page.getByRole("dialog", { name: "Sign in again to go on" });
      await dialog.waitFor();
      await see(page, "sign-in-again");
      assert.equal(await field.inputValue(), "Maria L.");
      await dialog.getByLabel("Password", { exact: true }).fill("a lantern on every boat");
      await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
      await dialog.waitFor({ state: "detached" });
      await page.getByText("Saved.", { exact: true }).filter({ visible: true }).first().waitFor();
      assert.equal((await (await page.request.get("/api/v1/session")).json()).name, "Maria L.");
    });

    await step("Maria's settings have no part for the organisation, Anna's have", async () => {
      await m.page.goto("/settings");
      await m.page.getByRole("heading", { name: "Look" }).waitFor();
      assert.equal(await m.page.getByRole("heading", { name: "Organisation" }).count(), 0);
      await see(m.page, "settings-member");
      const { page } = a;
      await page.goto("/settings");
      await page.getByLabel("Name of the organisation").fill("Halden, Roe & Berg");
      await page.getByLabel("Only people who are invited").check();
      await page.getByText("Not saved yet").waitFor();
      await see(page, "settings");
      await page.getByRole("button", { name: "Save organisation" }).click();
      await page.getByText("Saved.", { exact: true }).filter({ visible: true }).first().waitFor();
      await title(page, "Settings · Halden, Roe & Berg");
    });

    await step("Anna invites Elsa, who joins by the mail and leaves again", async () => {
      const elsa = { name: "Elsa Kvist", email: "elsa@kvist.example", password: "seven gulls on the pier" };
      const { page } = a;
      await page.getByRole("link", { name: variant.phone ? "More" : "Administration", exact: true }).click();
      await page.getByRole(variant.phone ? "main" : "navigation").getByRole("link", { name: "Invitations" }).click();
      await page.getByText("Nobody is invited right now.").waitFor();
      for (const email of ["gone@kvist.example", elsa.email]) {
        await page.getByLabel("E-mail address", { exact: true }).fill(email);
        await page.getByRole("button", { name: "Send invitation" }).click();
        await page.getByRole("listitem").filter({ hasText: email }).waitFor();
      }
      const withdrawn = await mailTo(server, "gone@kvist.example", seen);
      const { link } = await mailTo(server, elsa.email, seen);
      await see(page, "invitations");
      await page.getByRole("button", { name: "Withdraw the invitation of gone@kvist.example" }).click();
      await page.getByRole("listitem").filter({ hasText: "gone@kvist.example" }).waitFor({ state: "detached" });

      const e = await person(server, variant);
      try {
        await e.page.goto(withdrawn.link);
        await e.page.getByRole("heading", { name: "This invitation has ended." }).waitFor();
        await e.page.goto(link); // in the same tab: only what stands after # differs
        await e.page.getByRole("heading", { name: "Anna Roe invites you to Halden, Roe & Berg files" }).waitFor();
        await e.page.getByText(elsa.email).waitFor();
        await see(e.page, "invited");
        await e.page.getByLabel("Name", { exact: true }).fill(elsa.name);
        await e.page.getByLabel("Password", { exact: true }).fill(elsa.password);
        await e.page.getByRole("button", { name: "Create account" }).click();
        await e.page.waitForURL("**/files");

        await e.page.goto("/invitations"); // not hers to see
        await e.page.getByRole("heading", { name: "This is not here, or you have no access to it." }).waitFor();
        const root = (await (await e.page.request.get("/api/v1/spaces")).json()).items[0].root_id;
        for (const name of ["gulls.txt", "pier.txt"]) {
          assert.equal((await e.page.request.put(`/api/v1/nodes/${root}/files?name=${name}`, { data: "600 bytes".repeat(100) })).status(), 201);
        }
        await e.page.goto("/security");
        await e.page.getByRole("button", { name: "Delete my account…" }).click();
        const dialog = e.page.getByRole("dialog", { name: "Delete your account for ever?" });
        await dialog.waitFor();
        assert.equal(await e.page.evaluate(() => document.activeElement.textContent), "Cancel");
        await dialog.getByText("2 files and folders, 2 KB, are deleted for ever.").waitFor();
        await see(e.page, "delete-account");
        await dialog.getByLabel("Password", { exact: true }).fill("not the right one");
        await dialog.getByRole("button", { name: "Delete my account" }).click();
        await dialog.getByRole("link", { name: "Your password is not right." }).waitFor();
        await dialog.getByLabel("Password", { exact: true }).fill(elsa.password);
        await dialog.getByRole("button", { name: "Delete my account" }).click();
        await e.page.getByText("Your account is deleted.").waitFor();
        assert.equal((await e.page.request.post("/api/v1/session", { data: { email: elsa.email, password: elsa.password } })).status(), 401);
        assert.deepEqual(e.complaints, []);
      } finally {
        await e.close();
      }
    });

    await step("the theme can be fixed and stays", async () => {
      const { page } = a;
      await page.goto("/settings");
      await page.getByRole("heading", { name: "Look" }).waitFor();
      const other = variant.scheme === "dark" ? "Light" : "Dark";
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const before = await ground();
      await page.getByRole("radio", { name: other }).check();
      await page.waitForFunction((want) => document.documentElement.dataset.theme === want, other.toLowerCase());
      assert.notEqual(await ground(), before);
      const saved = await ground();
      await page.reload();
      await page.getByRole("radio", { name: other }).waitFor();
      assert.equal(await ground(), saved);
      await page.getByRole("radio", { name: "As the system" }).check();
      await page.waitForFunction(() => document.documentElement.dataset.theme === undefined);
    });

    await step("the Security page shows each session and ends them", async () => {
      const { page } = a;
      const second = await person(server, variant);
      try {
        await second.page.goto("/sign-in");
        await second.page.getByText("You need an invitation to join. Ask your administrator.").waitFor();
        await second.page.getByLabel("E-mail address", { exact: true }).fill(anna.email);
        await second.page.getByLabel("Password", { exact: true }).fill(anna.password);
        await second.page.getByRole("button", { name: "Sign in", exact: true }).click();
        await second.page.waitForURL("**/files");

        const token = await second.page.request.post("/api/v1/tokens", { data: { email: anna.email, password: anna.password, name: "Command line on atlas" }, headers: { cookie: "" } });
        assert.equal(token.status(), 201);

        await page.goto("/security");
        await page.getByText("This device").waitFor();
        await page.getByText("Command line on atlas").waitFor();
        assert.equal(await page.getByRole("button", { name: /^Sign out Chrom/ }).count(), 1);
        await see(page, "security");
        await page.getByRole("button", { name: "Sign out everywhere else" }).click();
        await page.getByText("Signed out everywhere else.").filter({ visible: true }).first().waitFor();
        assert.equal((await second.page.request.get("/api/v1/session")).status(), 401);
        assert.equal((await page.request.get("/api/v1/session")).status(), 200);
        assert.deepEqual(second.complaints, []);
      } finally {
        await second.close();
      }

      await page.getByRole("button", { name: "Change password" }).click();
      const dialog = page.getByRole("dialog", { name: "Change password" });
      await dialog.getByLabel("Current password", { exact: true }).fill("not the right one");
      await dialog.getByLabel("New password", { exact: true }).fill("harbour lights at dusk");
      await dialog.getByRole("button", { name: "Change password" }).click();
      await dialog.getByRole("heading", { name: "There is a problem" }).waitFor();
      await see(page, "change-password");
      await dialog.getByLabel("Current password", { exact: true }).fill(anna.password);
      await dialog.getByRole("button", { name: "Change password" }).click();
      await dialog.waitFor({ state: "detached" });
      assert.equal((await page.request.get("/api/v1/session")).status(), 200, "this session goes on");
    });

    await step("what is not there and what one may not see are one page", async () => {
      for (const page of [a.page, m.page]) {
        await page.goto("/no/such/place");
        await page.getByRole("heading", { name: "This is not here, or you have no access to it." }).waitFor();
      }
      await see(a.page, "not-here");
    });

    await step("offline is said and goes away by itself", async () => {
      const { page, context } = a;
      await page.goto("/settings");
      await page.getByRole("heading", { name: "Look" }).waitFor();
      await context.setOffline(true);
      await page.getByText("You are offline.").waitFor();
      await see(page, "offline");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText("The server cannot be reached. Nothing was sent").waitFor();
      await context.setOffline(false);
      await page.getByText("You are offline.").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByRole("heading", { name: "There is a problem" }).waitFor({ state: "detached" });
    });

    await step("no page complained", () => {
      assert.deepEqual(a.complaints, []);
      assert.deepEqual(m.complaints, []);
    });
  });
}
