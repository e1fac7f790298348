// Makes the pictures of the README, docs/images/files-{light,dark}.png:
// node tests/browser/pictures.mjs
import { mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { noise, pdf, rest, rootOf, wav } from "./files-kit.mjs";
import { closeBrowser, createUser, person, settle, signIn, startServer } from "./harness.mjs";

const anna = { email: "anna@haldenroe.example", name: "Anna Roe", password: "the ferry leaves at seven", role: "owner" };
const out = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
mkdirSync(out, { recursive: true });
const server = await startServer();
try {
  await createUser(server, anna);
  for (const scheme of ["light", "dark"]) {
    const { page, close } = await person(server, { width: 1440, height: 900, scheme, phone: false });
    await signIn(page, anna);
    await rest(page, "PATCH", "/settings", { organisation: "Halden & Roe" });
    const root = await rootOf(page);
    const folder = (parent, name) => rest(page, "POST", `/nodes/${parent}/folders?if_exists=merge`, { name }).then((n) => n.id);
    const put = (parent, name, bytes) => rest(page, "PUT", `/nodes/${parent}/files?if_exists=version&name=${encodeURIComponent(name)}`, bytes);
    const sale = await folder(await folder(await folder(root, "Clients"), "Lindqvist"), "2026 Sale of shares");
    if (scheme === "light") {
      for (const [name, count] of [["Correspondence", 26], ["Due diligence", 86], ["Passports and IDs", 4]]) {
        const id = await folder(sale, name);
        for (let i = 1; i <= count; i++) await put(id, `${name} ${i}.pdf`, pdf(`${name} ${i}`));
      }
      for (const [name, size] of [["Sale agreement v7.docx", 412_000], ["Closing checklist.xlsx", 38_000], ["Escrow terms (draft).docx", 96_000], ["Data room, part 2.zip", 14_200_000]]) await put(sale, name, noise(size));
      for (const [name, size] of [["Disclosure letter.pdf", 1_800_000], ["Board resolution, signed.pdf", 904_000], ["Valuation report 2025.pdf", 3_200_000]]) await put(sale, name, Buffer.concat([pdf(name), noise(size)]));
      await put(sale, "Call with buyer’s counsel, 18 November.wav", wav(60));
    }
    await page.goto(`/files/${sale}`);
    await page.locator("[data-id]", { hasText: "Sale agreement v7.docx" }).click({ position: { x: 500, y: 20 } });
    await page.getByRole("button", { name: "Details", exact: true }).click();
    await page.getByRole("complementary").getByText("SHA-256").waitFor();
    await page.mouse.move(600, 860);
    await settle(page);
    await page.screenshot({ path: `${out}files-${scheme}.png` });
    console.log(`files-${scheme}.png ${Math.round(statSync(`${out}files-${scheme}.png`).size / 1000)} KB`);
    await close();
  }
} finally {
  await closeBrowser();
  await server.stop();
}
