// What people see who have a link and no account: pages from the server, on a
// phone, with scripts turned off.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { downloaded, png, unzip } from "./files-kit.mjs";
import { closeBrowser, createUser, look, mailTo, person, startServer, story, variants } from "./harness.mjs";


const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
let server;
let api;
before(async () => {
  server = await startServer();
  await createUser(server, anna);
  const { token } = await (await fetch(`${server.base}/api/v1/tokens`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email: anna.email, password: anna.password, name: "test", scopes: ["files.read", "files.write", "share", "admin"] }) })).json();
  api = async (method, path, body) => {
    const raw = body instanceof Uint8Array;
    const headers = { Authorization: `Bearer ${token}`, ...(body && !raw ? { "Content-Type": "application/json" } : {}) };
    const res = await fetch(`${server.base}/api/v1${path}`, { method, headers, body: raw ? body : body && JSON.stringify(body) });
    assert.ok(res.ok, `${method} ${path}: ${res.status} ${await (res.ok ? "" : res.text())}`);
    return res.status === 204 ? undefined : res.json();
  };
  await api("PATCH", "/settings", { organisation: "Halden & Roe" });
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

/** A folder as in the mock, and a link to it. */
async function closing() {
  const root = (await api("GET", "/spaces")).items[0].root_id;
  const folder = await api("POST", `/nodes/${root}/folders?if_exists=keep_both`, { name: "Lindqvist sale: documents for closing" });
  const put = (name, bytes, in_ = folder.id) => api("PUT", `/nodes/${in_}/files?name=${encodeURIComponent(name)}`, bytes);
  await put("1. Sale agreement, for signature.pdf", new TextEncoder().encode("%PDF-1.7\n" + "x".repeat(1_100_000)));
  await put("2. Disclosure letter.pdf", new TextEncoder().encode("%PDF-1.7\n" + "x".repeat(180_000)));
  await put("3. Board resolution.txt", new TextEncoder().encode("The board has resolved.\nÖrebro, 23 November"));
  await put("4. Completion accounts.xlsx", new Uint8Array(212_000));
  await put("5. Share certificate.png", png(800, 500));
  const annexes = await api("POST", `/nodes/${folder.id}/folders`, { name: "Annexes A to K" });
  await put("Annex A.txt", new TextEncoder().encode("annex a"), annexes.id);
  const link = await api("POST", `/nodes/${folder.id}/links`, {
    name: "For Maria", downloads_max: 5, may: "upload",
    message: "Dear Maria, here is everything for Friday. Please read number 1 first and send the signed page back through the request link. Anna",
  });
  return { folder, link };
}

/** A look at a page that runs without scripts. Axe is one: it gets the same page in a twin of the browser. */
async function seen(page, twin, variant, name) {
  const html = await page.content();
  await twin.context.addCookies(await page.context().cookies());
  await twin.page.route("**/l/*", (route) => (route.request().isNavigationRequest() ? route.fulfill({ contentType: "text/html; charset=utf-8", body: html }) : route.continue()));
  await twin.page.goto(new URL("/l/twin", page.url()).href);
  await look(twin.page, variant, name);
  await twin.page.unrouteAll();
}

for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`a link at ${variant.name}`, async (t) => {
    const step = story(t);
    const { link, folder } = await closing();
    const { page, complaints, close } = await person(server, variant, { javaScriptEnabled: false });
    t.after(close);
    const twin = await person(server, variant);
    t.after(twin.close);
    const everything = variant.name === "390 light"; // one look is enough for what has no layout of its own

    await step("the password first, and nothing named", async () => {
      await page.goto(link.url);
      await page.getByRole("heading", { name: "Files from Halden & Roe" }).waitFor();
      assert.ok(!(await page.content()).includes("Lindqvist"));
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByText("That password is not right. Check capitals, or ask the sender. 4 tries left.").waitFor();
      await seen(page, twin, variant, "link-lock");
      await page.getByLabel("Password").fill(link.password);
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByRole("heading", { name: "Lindqvist sale: documents for closing" }).waitFor();
      await page.getByText("5 of 5 downloads left.").waitFor();
      await seen(page, twin, variant, "link");
    });

    await step("previews, folders and sums", async () => {
      await page.getByRole("link", { name: "Preview 5. Share certificate.png" }).click();
      const picture = page.getByRole("img", { name: "5. Share certificate.png" });
      await picture.waitFor();
      assert.ok(await picture.evaluate((img) => img.decode().then(() => img.naturalWidth > 0)));
      await seen(page, twin, variant, "link-picture");
      await page.getByRole("link", { name: "Back to the files" }).click();
      if (!everything) return;
      await page.getByRole("link", { name: "Preview 3. Board resolution.txt" }).click();
      await page.getByText("Örebro, 23 November").waitFor();
      await seen(page, twin, variant, "link-text");
      await page.getByRole("link", { name: "Back to the files" }).click();
      await page.getByRole("link", { name: "Annexes A to K" }).click();
      await page.getByRole("button", { name: "Download Annex A.txt" }).waitFor();
      await seen(page, twin, variant, "link-folder");
      await page.getByRole("navigation", { name: "Folders" }).getByRole("link", { name: folder.name }).click();
      await page.getByRole("link", { name: "Check a file (SHA-256)" }).click();
      await page.getByText("1. Sale agreement, for signature.pdf").waitFor();
      await seen(page, twin, variant, "link-sums");
      await page.getByRole("link", { name: "Back to the files" }).click();
    });

    await step("one file, then all of them", async () => {
      const one = await downloaded(page, () => page.getByRole("button", { name: "Download 2. Disclosure letter.pdf" }).click());
      assert.equal(one.name, "2. Disclosure letter.pdf");
      assert.equal(one.bytes.length, 180_009);
      const all = await downloaded(page, () => page.getByRole("button", { name: /^Download all, / }).click());
      assert.equal(all.name, `${folder.name.replaceAll(":", "_")}.zip`);
      assert.equal(unzip(all.bytes).size, 8);
      await page.reload();
      await page.getByText("3 of 5 downloads left.").waitFor();
      const now = await api("GET", `/links/${link.id}`);
      assert.deepEqual([now.downloads.used, now.opened.count, now.opened.networks], [2, 1, 1]);
    });

    await step("a file comes the other way", async () => {
      if (!everything) return;
      await page.getByLabel("Add files to this folder").setInputFiles([{ name: "signed page.txt", mimeType: "text/plain", buffer: Buffer.from("signed") }, { name: "3. Board resolution.txt", mimeType: "text/plain", buffer: Buffer.from("other") }]);
      await page.getByRole("button", { name: "Send files" }).click();
      await page.getByText("Received. 2 files.").waitFor();
      await page.getByText("3. Board resolution (2).txt").waitFor();
    });

    await step("a report, and the end", async () => {
      await page.getByRole("link", { name: "Report this link" }).click();
      await page.getByLabel("What is wrong with it?").fill("It looks odd.");
      await seen(page, twin, variant, "link-report");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByRole("heading", { name: "Thank you. Halden & Roe has been told." }).waitFor();
      await api("PATCH", `/links/${link.id}`, { off: true });
      await page.goto(link.url);
      await page.getByRole("heading", { name: "This link does not work any more." }).waitFor();
      await seen(page, twin, variant, "link-over");
    });
    assert.deepEqual(complaints, []);
  });
}

// Who a link was made for proves their mailbox first, mostly on a phone.
for (const [i, phone] of [
  { name: "390 light", scheme: "light", width: 390, height: 844, phone: true },
  { name: "360 dark", scheme: "dark", width: 360, height: 740, phone: true },
].entries()) {
  test(`a link for named people at ${phone.name}`, async (t) => {
    const step = story(t);
    const maria = `maria${i}@lindqvist.example`;
    const root = (await api("GET", "/spaces")).items[0].root_id;
    const folder = await api("POST", `/nodes/${root}/folders?if_exists=keep_both`, { name: "Closing bundle" });
    await api("PUT", `/nodes/${folder.id}/files?name=Deed.pdf`, new TextEncoder().encode("%PDF-1.7\n"));
    const link = await api("POST", `/nodes/${folder.id}/links`, { name: "For Maria", recipients: [maria] });
    const { page, complaints, close } = await person(server, phone, { javaScriptEnabled: false });
    t.after(close);
    const twin = await person(server, phone);
    t.after(twin.close);

    await step("the address, and what is wrong with one", async () => {
      await page.goto(link.url);
      await page.getByRole("heading", { name: "Files from Halden & Roe" }).waitFor();
      await seen(page, twin, phone, "named");
      await page.getByLabel("Your e-mail address").fill(maria);
      await page.getByRole("button", { name: "Send the code" }).click();
    });

    await step("the code from the mail, a wrong one first", async () => {
      await page.getByText(`If this link was made for ${maria}, a code is on its way there.`).waitFor();
      await seen(page, twin, phone, "named-code");
      const { code } = await mailTo(server, maria, new Set(), /Your code to open a link/);
      assert.ok(code, "the mail holds a code");
      await page.getByLabel("Code from the e-mail").fill(code === "000000" ? "000001" : "000000");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByText("That code is not right, or has ended. Check it, or ask for a new one. 4 tries left.").waitFor();
      assert.ok((await page.title()).startsWith("Error: "));
      assert.ok(!(await page.content()).includes("Closing bundle"));
      await seen(page, twin, phone, "named-wrong");
      await page.getByLabel("Code from the e-mail").fill(code);
      await page.getByRole("button", { name: "Open" }).click();
    });

    await step("the files, and nothing asked again", async () => {
      await page.getByRole("heading", { name: "Closing bundle" }).waitFor();
      await page.getByText("Only the people whom this link was made for can open the files.").waitFor();
      await page.goto(link.url);
      await page.getByRole("button", { name: "Download Deed.pdf" }).waitFor();
    });
    assert.deepEqual([...complaints, ...twin.complaints], []);
  });
}
