// What is in files, without opening them: tiles with small pictures, the preview
// of large ones, text in old encodings, sound and film by ranges.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { folderAct, lookTwice, noise, pdf, png, rest, rootOf, steps, wav, webm } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

let server;
before(async () => {
  server = await startServer();
  await createUser(server, { email: "owner@haldenroe.example", name: "Owner", password: "the ferry leaves at seven", role: "owner" });
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

/** A photo as JPEG with much in it, drawn by the browser: sky, hills, noise. */
async function photo(page, width, height, seed) {
  const text = await page.evaluate(
    async ([width, height, seed]) => {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const pen = canvas.getContext("2d");
      const sky = pen.createLinearGradient(0, 0, 0, height);
      sky.addColorStop(0, `hsl(${200 + seed * 7} 60% 55%)`);
      sky.addColorStop(0.6, `hsl(${30 + seed * 9} 70% 80%)`);
      pen.fillStyle = sky;
      pen.fillRect(0, 0, width, height);
      for (let hill = 0; hill < 4; hill++) {
        pen.fillStyle = `hsl(${150 - hill * 12 + seed * 3} 35% ${42 - hill * 8}%)`;
        pen.beginPath();
        pen.moveTo(0, height);
        for (let x = 0; x <= width; x += width / 60) pen.lineTo(x, height * (0.55 + hill * 0.1) + Math.sin((x / width) * (5 + hill) + seed + hill) * height * 0.06);
        pen.lineTo(width, height);
        pen.fill();
      }
      const dots = pen.getImageData(0, 0, width, height);
      for (let i = 0, n = seed + 1; i < dots.data.length; i += 4) {
        n = (n * 1103515245 + 12345) & 0x7fffffff;
        for (let c = 0; c < 3; c++) dots.data[i + c] += ((n >> 16) % 25) - 12;
      }
      pen.putImageData(dots, 0, 0);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
      const bytes = new Uint8Array(await blob.arrayBuffer());
      let out = "";
      for (let i = 0; i < bytes.length; i += 32768) out += String.fromCharCode(...bytes.subarray(i, i + 32768));
      return btoa(out);
    },
    [width, height, seed],
  );
  return Buffer.from(text, "base64");
}

for (const [variant, name] of [
  [variants[0], "Anna Roe"],
  [variants[3], "Elsa Kvist"],
]) {
  test(`pictures at ${variant.width}`, async (t) => {
    const who = { name, email: `${name.split(" ")[0].toLowerCase()}@haldenroe.example`, password: "the ferry leaves at seven" };
    await createUser(server, who);
    const { page, complaints, close } = await person(server, variant);
    t.after(close);
    const step = steps(t, page, `pictures ${variant.width}`);
    const tile = (name) => page.locator(".tiles [data-id]", { has: page.getByRole("link", { name, exact: true }) });
    const put = (parent, name, bytes) => rest(page, "PUT", `/nodes/${parent}/files?name=${encodeURIComponent(name)}`, bytes);
    const shown = (name) => until(() => tile(name).locator("img").evaluate((i) => i.complete && i.naturalWidth, undefined, { timeout: 500 }).catch(() => 0), `the small picture of ${name}`);
    const dialog = page.locator("dialog[open]");
    const asked = [];
    let atOnce = 0;
    const thumbnail = (r) => r.url().includes("/thumbnail?size=256");
    page.on("request", (r) => thumbnail(r) && (asked.push(r.url()), atOnce++));
    for (const over of ["requestfinished", "requestfailed"]) page.on(over, (r) => thumbnail(r) && atOnce--);
    let folder;

    await step("tiles show what is in pictures, and icons for the rest", async () => {
      await signIn(page, who);
      folder = (await rest(page, "POST", `/nodes/${await rootOf(page)}/folders`, { name: "Site visit" })).id;
      await rest(page, "POST", `/nodes/${folder}/folders`, { name: "Drawings" });
      const large = await photo(page, 2400, 1800, 1);
      assert.ok(large.length > 600_000, `the photo has ${large.length} bytes`);
      await put(folder, "Fjord.jpg", large);
      for (let i = 2; i <= 6; i++) await put(folder, `Hill ${i}.jpg`, await photo(page, 900, i % 2 ? 1200 : 600, i));
      await put(folder, "Plan.png", png(500, 300));
      await put(folder, "Broken.jpg", large.subarray(0, 900));
      await put(folder, "Report.pdf", pdf("Report"));
      await put(folder, "Minutes.docx", noise(41_000));
      await page.goto(`/files/${folder}`);
      await page.locator("[data-list] [data-id]").first().waitFor();
      assert.equal(asked.length, 0, "the list asks for no small pictures");
      await folderAct(page, variant, "Show as a grid");
      for (const name of ["Hill 2.jpg", "Plan.png", "Fjord.jpg"]) {
        await tile(name).scrollIntoViewIfNeeded();
        assert.equal(await shown(name), 256);
      }
      await tile("Broken.jpg").scrollIntoViewIfNeeded();
      await until(() => asked.some((url) => url.includes("thumbnail")) && atOnce === 0, "all asked for");
      for (const name of ["Drawings", "Report.pdf", "Minutes.docx", "Broken.jpg"]) assert.equal(await tile(name).locator("img").count(), 0, name);
      await page.locator(".scroll").evaluate((e) => e.scrollTo(0, 0));
      await until(async () => (await page.locator(".tiles img").count()) >= (variant.phone ? 4 : 7), "pictures in sight");
      await lookTwice(page, variant, "files-pictures");
      if (!variant.phone) {
        await tile("Hill 5.jpg").click({ position: { x: 20, y: 20 } });
        await page.keyboard.press("i");
        const panel = page.getByRole("complementary", { name: "Details of Hill 5.jpg" });
        await until(() => panel.locator(".thumb img").evaluate((i) => i.complete && i.naturalHeight === 256, undefined, { timeout: 500 }).catch(() => false), "the picture in the details");
        await panel.getByText("SHA-256").waitFor();
        await lookTwice(page, variant, "files-pictures-details");
        await page.keyboard.press("i");
      }
    });

    await step("the preview shows the small one first, then the whole", async () => {
      const { id } = await rest(page, "GET", "/resolve?path=/Site%20visit/Fjord.jpg");
      let let_go;
      const held = new Promise((resolve) => (let_go = resolve));
      await page.route(`**/nodes/${id}/content?*`, async (route) => {
        await held;
        await route.continue();
      });
      await page.goto(`/files/${folder}?preview=${id}`);
      const width = () => dialog.locator("img").evaluate((i) => i.naturalWidth, undefined, { timeout: 500 }).catch(() => 0);
      await until(async () => (await width()) === 1024, "the small one");
      await lookTwice(page, variant, "preview-small-first");
      let_go();
      await until(async () => (await width()) === 2400, "the whole picture");
      await lookTwice(page, variant, "preview-whole");
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    });

    await step("a hidden tile asks for nothing, and one that comes back has it at once", async () => {
      const many = (await rest(page, "POST", `/nodes/${folder}/folders`, { name: "Many" })).id;
      for (let i = 10; i < 100; i++) await put(many, `p${i}.png`, png(300, 200, [i * 2, 90, 220 - i * 2]));
      await page.goto(`/files/${many}`);
      await page.locator("[data-list] [data-id]").first().waitFor();
      asked.length = 0;
      await folderAct(page, variant, "Show as a grid");
      await shown("p10.png");
      await until(() => atOnce === 0, "all in sight asked for");
      assert.ok(asked.length < 60 && asked.length > 3, `${asked.length} of 90 were asked for`);
      const inPage = await page.locator(".tiles [data-id]").count();
      assert.ok(inPage <= 60, `${inPage} tiles are in the page`);
      await page.locator(".scroll").evaluate((e) => e.scrollTo(0, e.scrollHeight));
      await shown("p99.png");
      const before = asked.length;
      await page.locator(".scroll").evaluate((e) => e.scrollTo(0, 0));
      await shown("p10.png");
      assert.equal(asked.filter((url) => asked.indexOf(url) !== asked.lastIndexOf(url)).length, 0, "asked for twice");
      assert.ok(asked.length < before + 30);
      // The keyboard goes along, line by line, to tiles that are not in the page yet.
      await tile("p10.png").focus();
      await page.keyboard.press("End");
      await until(() => page.evaluate(() => document.activeElement?.textContent?.includes("p99.png")), "the last tile has the focus");
      await page.keyboard.press("ArrowUp");
      await until(() => page.evaluate(() => /p9\d\.png/.test(document.activeElement?.textContent ?? "") && !document.activeElement.textContent.includes("p99.png")), "the tile above");
      await lookTwice(page, variant, "files-many-pictures");
    });

    await step("text of another time and place is read", async () => {
      const russian = Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0x2c, 0x20, 0xec, 0xe8, 0xf0, 0x2e, 0x20, 0xc4, 0xee, 0xe3, 0xee, 0xe2, 0xee, 0xf0, 0x20, 0xe2, 0xee, 0x20, 0xe2, 0xeb, 0xee, 0xe6, 0xe5, 0xed, 0xe8, 0xe8, 0x2e]);
      const { id } = await put(folder, "letter.txt", russian);
      await page.goto(`/files/${folder}?preview=${id}`);
      await dialog.getByText("Привет, мир. Договор во вложении.").waitFor();
      await page.keyboard.press("Escape");
    });

    await step("sound and film are fetched by ranges, from where they are wanted", async () => {
      const ranges = [];
      page.on("response", (r) => /\/c\//.test(r.url()) && ranges.push([r.status(), r.request().headers().range]));
      const sound = await put(folder, "call.wav", wav(600)); // 9.6 MB
      await page.goto(`/files/${folder}?preview=${sound.id}`);
      const audio = dialog.locator("audio");
      await until(() => audio.evaluate((a) => a.duration > 599), "the length of the sound");
      await audio.evaluate((a) => new Promise((done, fail) => ((a.onseeked = done), setTimeout(() => fail(new Error("no seek")), 10_000), (a.currentTime = 580))));
      assert.ok(ranges.length > 0 && ranges.every(([status, range]) => status === 206 && range), JSON.stringify(ranges));
      assert.ok(ranges.some(([, range]) => Number(/bytes=(\d+)/.exec(range)[1]) > 4_000_000), `no range near the end: ${JSON.stringify(ranges)}`);
      await page.keyboard.press("Escape");
      const film = await put(folder, "film.webm", await webm(page));
      await page.goto(`/files/${folder}?preview=${film.id}`);
      await until(() => dialog.locator("video").evaluate((v) => v.videoWidth === 64 && v.readyState >= 2), "the film");
      await dialog.locator("video").evaluate((v) => v.play());
      await until(() => dialog.locator("video").evaluate((v) => v.ended || v.currentTime > 0.1), "the film plays");
    });

    assert.deepEqual(complaints, []);
  });
}
