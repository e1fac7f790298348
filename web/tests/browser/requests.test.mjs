// Where people without an account send what a file request asks for: a page from
// the server, on small phones, with scripts turned off.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pdf, png } from "./files-kit.mjs";
import { closeBrowser, createUser, look, mailTo, person, startServer, story } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const phones = [
  { name: "390 light", scheme: "light", width: 390, height: 844, phone: true },
  { name: "360 dark", scheme: "dark", width: 360, height: 740, phone: true },
];
let server;
let api;
let root;
before(async () => {
  server = await startServer();
  await createUser(server, anna);
  const { token } = await (await fetch(`${server.base}/api/v1/tokens`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email: anna.email, password: anna.password, name: "test", scopes: ["files.read", "files.write", "share", "admin"] }) })).json();
  api = async (method, path, body) => {
    const res = await fetch(`${server.base}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    assert.ok(res.ok, `${method} ${path}: ${res.status} ${await (res.ok ? "" : res.text())}`);
    return res.status === 204 ? undefined : res.json();
  };
  await api("PATCH", "/settings", { organisation: "Halden & Roe" });
  root = (await api("GET", "/spaces")).items[0].root_id;
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

const deed = { name: "Deed.pdf", mimeType: "application/pdf", buffer: Buffer.from(pdf("The deed")) };
const photo = { name: "IMG_2041.png", mimeType: "image/png", buffer: Buffer.from(png(800, 500)) };
const program = { name: "Scan.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") };

/** A look at a page that runs without scripts. Axe is one: it gets the same page in a twin of the browser. */
async function seen(page, twin, phone, name) {
  const html = await page.content();
  await twin.page.route("**/r/twin", (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: html }));
  await twin.page.goto("/r/twin");
  await look(twin.page, phone, name);
  await twin.page.unrouteAll();
}

for (const phone of phones) {
  test(`a request at ${phone.name}`, async (t) => {
    const step = story(t);
    const folder = await api("POST", `/nodes/${root}/folders?if_exists=keep_both`, { name: `Sale ${phone.name}` });
    const request = await api("POST", `/nodes/${folder.id}/requests`, {
      title: "Signed pages and a picture of the seal",
      note: "Dear Maria, please send the signed page, and a photo of the seal. Anna",
      types: ["pdf", "word", "pictures"], max_bytes: 2_000_000_000, max_files: 5, password: "a good password",
    });
    const { page, complaints, close } = await person(server, phone, { javaScriptEnabled: false });
    const twin = await person(server, phone);
    t.after(async () => {
      await close();
      await twin.close();
    });

    await step("the password first, and nothing named", async () => {
      await page.goto(request.url);
      await page.getByRole("heading", { name: "A request for files from Halden & Roe" }).waitFor();
      assert.ok(!(await page.content()).includes("Signed"));
      await page.getByLabel("Password").fill("a good password");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByRole("heading", { name: request.title }).waitFor();
      await page.getByText("asks you for files").waitFor();
      await page.getByText("Up to 2.0 GB each. PDF, Word or pictures. 5 more files in all.").waitFor();
      await page.getByText("Only Halden & Roe can see what you send. You cannot see what others sent.").waitFor();
      await seen(page, twin, phone, "request");
    });

    await step("what is wrong is said, and what was typed stays", async () => {
      await page.getByLabel("Your name").fill("Maria Lindqvist");
      await page.getByLabel("E-mail address").fill("maria@lindqvist.example");
      await page.getByLabel("Choose files or take a photo").setInputFiles([program, photo]);
      await page.getByRole("button", { name: "Send files" }).click();
      await page.getByRole("heading", { name: "There is a problem" }).waitFor();
      await page.getByText("“Scan.exe” is not accepted. Send PDF, Word or pictures.").waitFor();
      await page.getByText("1 file arrived all the same. Send only what is missing.").waitFor();
      assert.ok((await page.title()).startsWith("Error: "));
      assert.equal(await page.getByLabel("Your name").inputValue(), "Maria Lindqvist");
      await seen(page, twin, phone, "request-problem");
    });

    await step("the rest, and a receipt", async () => {
      await page.getByLabel("Choose files or take a photo").setInputFiles([deed, photo]);
      await page.getByRole("button", { name: "Send files" }).click();
      await page.getByRole("heading", { name: "Received." }).waitFor();
      await page.getByText(/^2 files, /).waitFor();
      await page.getByText("The receipt goes to your e-mail address.").waitFor();
      await seen(page, twin, phone, "request-received");
      await mailTo(server, "maria@lindqvist.example", new Set(), /Received: 2 files/);
      const told = (await api("GET", "/notices")).items.find((n) => n.kind === "files_came"); // the mail waits for more of them
      assert.deepEqual([told?.who, told?.files], ["Maria Lindqvist", 2]);
      await page.getByRole("link", { name: "Send more" }).click();
      await page.getByRole("link", { name: "Report this request" }).click();
      await page.getByLabel("What is wrong with it?").fill("I know nobody there.");
      if (phone.scheme === "dark") await seen(page, twin, phone, "request-report");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByRole("heading", { name: "Thank you. Halden & Roe has been told." }).waitFor();
      await page.getByRole("link", { name: "Back to the request" }).click();
      await page.getByText("2 more files in all.").waitFor();
    });

    await step("Anna has it all, in Maria's folder; then it is over", async () => {
      const [marias] = (await api("GET", `/nodes/${folder.id}/children`)).items;
      const got = (await api("GET", `/nodes/${marias.id}/children`)).items.map((n) => n.name);
      assert.deepEqual([marias.name, ...got], ["Maria Lindqvist", "Deed.pdf", "IMG_2041 (2).png", "IMG_2041.png"]);
      await api("PATCH", `/requests/${request.id}`, { off: true });
      await page.reload();
      await page.getByRole("heading", { name: "This request has ended." }).waitFor();
      await seen(page, twin, phone, "request-over");
    });
    assert.deepEqual([...complaints, ...twin.complaints], []);
  });
}
