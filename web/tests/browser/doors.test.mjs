// The story of the doors, told by the page: who may do what comes out as through
// REST, tus, the pages of links and the command line, by the one table of
// internal/coffertest/doors.json. Visitors have pages of their own, which are told
// there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { dropFiles, names, rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, turnOff, variants } from "./harness.mjs";

const { deeds, becomes } = JSON.parse(readFileSync(new URL("../../../internal/coffertest/doors.json", import.meta.url), "utf8"));
const roles = ["owner", "manager", "editor", "viewer", "stranger", "disabled", "unconfirmed"];
const grants = { manager: "manage", editor: "edit", viewer: "view", disabled: "edit" };
const who = (role) => ({ name: role, email: `${role}@haldenroe.example`, password: `the ferry of the ${role} leaves at seven` });
let server;
before(async () => {
  server = await startServer();
  for (const role of roles.filter((r) => r !== "unconfirmed")) await createUser(server, { ...who(role), role: role === "owner" ? "owner" : "member" });
  await createUser(server, { name: "Friend", email: "friend@haldenroe.example", password: "somebody to share with, later" });
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

for (const variant of variants.filter((v) => v.name === "1440 light")) {
  test("who may do what, in the page", async (t) => {
    const anna = await person(server, variant);
    t.after(anna.close);
    const step = steps(t, anna.page, "doors");
    await signIn(anna.page, who("owner"));
    await rest(anna.page, "PATCH", "/settings", { signup: "open" });
    const above = await rest(anna.page, "POST", `/nodes/${await rootOf(anna.page)}/folders`, { name: "Above-canary" });
    for (const role of roles) {
      await step(`the ${role}`, async () => {
        const top = await rest(anna.page, "POST", `/nodes/${above.id}/folders`, { name: `of the ${role}` });
        for (const name of ["file.txt", "replace.txt", "old.txt", "bin.txt"]) await rest(anna.page, "PUT", `/nodes/${top.id}/files?name=${name}`, Buffer.from(`content of ${name}`));
        if (grants[role]) await rest(anna.page, "POST", `/nodes/${top.id}/grants`, { email: who(role).email, role: grants[role] });
        const { page, close } = role === "owner" ? { ...anna, close: () => undefined } : await person(server, variant);
        try {
          await comeIn(page, role);
          const got = {};
          for (const deed of deeds) got[deed] = await tell(page, deed, { top, above });
          assert.deepEqual(got, Object.fromEntries(deeds.map((deed, i) => [deed, becomes[role].split(" ")[i]])));
        } finally {
          await close();
        }
        const is = Object.fromEntries(deeds.map((deed, i) => [deed, becomes[role].split(" ")[i] === "-"]));
        const want = ["file.txt", "replace.txt", is.rename ? "new.txt" : "old.txt", ...(is.trash ? [] : ["bin.txt"]), ...(is.add ? ["added.txt"] : [])];
        assert.deepEqual((await names(anna.page, top.id)).sort(), want.sort());
      });
    }
  });
}

/** Signs in, as far as the role gets. */
async function comeIn(page, role) {
  if (role === "owner") return;
  if (role === "unconfirmed") {
    await page.goto("/register");
    await rest(page, "POST", "/signup", who(role));
    return;
  }
  await signIn(page, who(role));
  if (role === "disabled") await turnOff(server, who(role));
}

/** What becomes of a deed in the page: "-" when it is done, else why not. */
async function tell(page, deed, { top, above }) {
  const row = (name) => page.locator("[data-list] [data-id]", { has: page.getByRole("link", { name, exact: true }) });
  await page.goto(`/files/${deed === "above" ? above.id : top.id}`);
  const here = row(deed === "above" ? "of the owner" : "file.txt");
  const hidden = page.getByRole("heading", { name: "This is not here, or you have no access to it." });
  const out = page.getByRole("button", { name: "Sign in", exact: true });
  await here.or(hidden).or(out).first().waitFor();
  if (!(await here.isVisible())) assert.equal(await page.getByText("canary").count(), 0, `${deed}: a name is told`);
  if (await hidden.isVisible()) return "not_found";
  if (await out.isVisible()) return "unauthenticated";

  const tray = page.getByRole("region", { name: "Uploads" });
  const dialog = page.getByRole("dialog");
  const idOf = async (name) => (await rest(page, "GET", `/nodes/${top.id}/children`)).items.find((n) => n.name === name).id;
  /** An act of a file's menu; false where it is not offered. */
  const act = async (name, label) => {
    await page.getByRole("button", { name: `More actions for ${name}`, exact: true }).click();
    await page.getByRole("menuitem", { name: "Download" }).waitFor();
    const item = page.getByRole("menuitem", { name: label });
    if ((await item.count()) === 0) return (await page.keyboard.press("Escape"), false);
    return (await item.click(), true);
  };
  /** Whether the folder takes what is held over it. */
  const takes = async (name) => {
    const hold = await page.evaluateHandle(() => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "x"));
      return data;
    });
    await page.locator("main").dispatchEvent("dragover", { dataTransfer: hold });
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
    if ((await page.locator(".drop").count()) === 0) return false;
    await dropFiles(page, page.locator("main"), [{ name, buffer: Buffer.from("by this one") }]);
    return true;
  };
  switch (deed) {
    case "read":
      await row("file.txt").getByRole("link").click();
      await page.getByText("content of file.txt").waitFor();
      return "-";
    case "add":
      if (!(await takes("added.txt"))) return "forbidden";
      await row("added.txt").waitFor();
      return "-";
    case "replace":
      if (!(await takes("replace.txt"))) return "forbidden";
      await tray.getByRole("button", { name: "Replace", exact: true }).click();
      await tray.getByText("1 file stored").waitFor();
      assert.equal((await rest(page, "GET", `/nodes/${await idOf("replace.txt")}`)).version_number, 2);
      return "-";
    case "rename":
      if (!(await act("old.txt", "Rename"))) return "forbidden";
      await page.getByLabel("New name").fill("new.txt");
      await page.getByRole("button", { name: "Rename", exact: true }).last().click();
      await row("new.txt").waitFor();
      return "-";
    case "trash":
      if (!(await act("bin.txt", "Move to trash"))) return "forbidden";
      await row("bin.txt").waitFor({ state: "detached" });
      return "-";
    case "share":
      if (!(await act("file.txt", "Share…"))) return "forbidden";
      await dialog.getByRole("combobox").fill("friend@haldenroe.example");
      await dialog.getByRole("button", { name: "Give access" }).click();
      await dialog.getByRole("listitem").filter({ hasText: "Friend" }).getByText("Added by you").waitFor();
      return "-";
    case "link":
      if (!(await act("file.txt", "Share…"))) return "forbidden";
      await dialog.getByRole("button", { name: "New link" }).click();
      await dialog.getByRole("button", { name: "Create link" }).click();
      await dialog.getByRole("region", { name: "The link is ready" }).waitFor();
      return "-";
    default: // what is listed is seen
      return "-";
  }
}
