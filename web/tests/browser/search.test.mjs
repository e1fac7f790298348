// Finding things again: the search page with its filters, keys and acts, the
// palette's answers from the server, what was used last, and what is pinned.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lookTwice, names, pdf, png, rest, rootOf, steps } from "./files-kit.mjs";
import { closeBrowser, createUser, person, signIn, startServer, until, variants } from "./harness.mjs";

const password = "the ferry leaves at seven";
let server;
before(async () => {
  server = await startServer();
  await createUser(server, { email: "elsa@haldenroe.example", name: "Elsa Kvist", password, role: "owner" }); // or the server waits for its first owner
});
after(async () => {
  await closeBrowser();
  await server.stop();
});

/** Ann's files: each story has its own person. */
async function fill(page) {
  const root = await rootOf(page);
  const folder = (parent, name) => rest(page, "POST", `/nodes/${parent}/folders`, { name });
  const put = (parent, name, bytes) => rest(page, "PUT", `/nodes/${parent}/files?name=${encodeURIComponent(name)}`, bytes);
  const clients = await folder(root, "Clients");
  const lindqvist = await folder(clients.id, "Lindqvist");
  const sale = await folder(lindqvist.id, "2026 Sale of shares");
  const templates = await folder(root, "Templates");
  await put(sale.id, "Closing checklist.xlsx", Buffer.from("a"));
  await put(sale.id, "Résumé of the closing meeting.pdf", pdf("Closing"));
  await put(lindqvist.id, "Closing dinner.png", png());
  await put(templates.id, "Closing letter (template).docx", Buffer.from("letter"));
  await put(root, "100% <b> closing \"notes\".txt", Buffer.from("notes"));
  return { root, clients, lindqvist, sale, templates };
}

// Each look is in both schemes.
for (const variant of variants.filter((v) => v.phone === (v.scheme === "dark"))) {
  test(`finding at ${variant.name}`, async (t) => {
    const who = { email: `anna-${variant.width}-${variant.scheme}@haldenroe.example`, name: "Anna Roe", password };
    await createUser(server, who);
    const { page, complaints, close } = await person(server, variant);
    t.after(close);
    const step = steps(t, page, `search ${variant.name}`);
    await signIn(page, who);
    const own = await fill(page);
    await page.reload();

    const field = page.getByRole("searchbox", { name: "Search by name" });
    const list = page.locator("[data-list] [data-id]");
    const row = (name) => list.filter({ has: page.getByRole("link", { name, exact: true }) });
    const found = () => list.getByRole("link").allInnerTexts();
    const finds = (...want) => until(async () => (await found()).join("|") === want.join("|"), `found: ${want.join(", ")}`).catch(async (e) => assert.fail(`${e.message}, but ${(await found()).join(", ")}`));
    const heading = (name) => page.getByRole("heading", { level: 1, name, exact: true });
    const key = (k) => page.keyboard.press(k);
    const chip = async (filter, choice) => {
      await page.getByRole("button", { name: new RegExp(`^${filter}: `) }).click();
      await page.getByRole("menuitem", { name: choice, exact: true }).click();
    };
    const five = ["Closing checklist.xlsx", "Closing dinner.png", "Closing letter (template).docx", "100% <b> closing \"notes\".txt", "Résumé of the closing meeting.pdf"];

    await step("search opens, and says what to do", async () => {
      if (variant.phone) await page.getByRole("banner").getByRole("link", { name: "Search" }).click();
      else {
        await page.getByRole("main").press("/");
      }
      await heading("Search").waitFor();
      await until(() => field.evaluate((el) => el === document.activeElement), "focus in the field");
      await page.getByText("Type a part of a name.").waitFor();
      await lookTwice(page, variant, "search-start");
    });

    await step("names are found in all folders, those that begin with it first", async () => {
      await field.pressSequentially("CLOSing");
      await finds(...five);
      await page.getByText("5 results").first().waitFor();
      await row("Closing dinner.png").getByText("My files / Clients / Lindqvist").waitFor();
      assert.equal(new URL(page.url()).searchParams.get("q"), "CLOSing");
      await lookTwice(page, variant, "search");
    });

    await step("accents, signs and short words are taken as they are typed", async () => {
      await field.fill("resume");
      await finds("Résumé of the closing meeting.pdf");
      await field.fill("100% <b>");
      await finds("100% <b> closing \"notes\".txt");
      await field.fill("meeting clos");
      await finds("Résumé of the closing meeting.pdf");
      await field.fill("te");
      await finds("Templates", "100% <b> closing \"notes\".txt", "Closing letter (template).docx");
      await field.fill("closing");
      await finds(...five);
    });

    await step("filters narrow, stay in the address, and can be taken away", async () => {
      await chip("Kind", "Pictures");
      await finds("Closing dinner.png");
      assert.equal(new URL(page.url()).searchParams.get("kind"), "picture");
      await page.reload();
      await finds("Closing dinner.png");
      await lookTwice(page, variant, "search-filter");
      await chip("Kind", "Any");
      await chip("Changed", "Today");
      await finds(...five);
      await chip("Owner", "Others");
      await page.getByText("Nothing matches.").waitFor();
      await chip("Owner", "Me");
      await chip("Who can open it", "Only you");
      await finds(...five);
      assert.match(new URL(page.url()).search, /owner=me&reach=only_you/);
      await chip("Size", "Over 100 MB");
      await page.getByText("Nothing matches. Check the spelling, or look for any kind, time and size.").waitFor();
      await page.getByRole("button", { name: "Clear filters" }).click();
      await finds(...five);
      await chip("Folder", "Choose a folder…");
      await page.getByRole("dialog").getByRole("button", { name: "Templates" }).click();
      await page.getByRole("button", { name: "Look in Templates" }).click();
      await finds("Closing letter (template).docx");
      await page.getByRole("button", { name: "Folder: Templates" }).waitFor();
      await field.fill("dinner");
      await page.getByText("Nothing matches. Check the spelling, or look in all folders.").waitFor();
      await lookTwice(page, variant, "search-nothing");
      await page.getByRole("button", { name: "Look in all folders" }).click();
      await finds("Closing dinner.png");
      await field.fill("closing");
      await finds(...five);
    });

    await step("a result opens, and one step back leads to the results", async () => {
      await row("Closing dinner.png").getByRole("link").click();
      await page.getByRole("dialog", { name: "Closing dinner.png" }).getByRole("img", { name: "Closing dinner.png" }).waitFor();
      await page.getByRole("button", { name: "Close preview" }).click();
      await finds(...five);
      await row("Closing dinner.png").getByRole("button", { name: "More actions" }).click();
      await page.getByRole("menuitem", { name: "Show in its folder" }).click();
      await heading("Lindqvist").waitFor();
      await row("Closing dinner.png").waitFor();
      await page.goBack();
      await heading("Search").waitFor();
      await finds(...five);
      assert.equal(await field.inputValue(), "closing");
    });

    if (!variant.phone) {
      await step("results are a list with keys and the whole action bar", async () => {
        await field.focus();
        await key("ArrowDown");
        await until(() => row(five[0]).evaluate((el) => el === document.activeElement), "focus in the list");
        await key("Shift+ArrowDown");
        await page.getByText("2 selected").first().waitFor();
        await page.getByRole("button", { name: "Select all 5" }).click();
        await page.getByText("5 selected").first().waitFor();
        await row(five[1]).focus();
        await key("Escape");
        await key("Space");
        await page.getByText("1 selected").first().waitFor();
        await key("i");
        await page.getByRole("complementary").getByText("Picture").first().waitFor();
        await lookTwice(page, variant, "search-details");
        await key("i");
        await key("F2");
        await page.getByLabel("New name").fill("Dinner.png");
        await key("Enter");
        await finds(...five.filter((n) => n !== "Closing dinner.png"));
        await page.getByRole("button", { name: "Undo" }).last().click();
        await finds(...five);
        // From two folders into one, and back where each was.
        await row("Closing checklist.xlsx").getByRole("checkbox").check();
        await row("Closing dinner.png").getByRole("checkbox").check();
        await page.getByRole("toolbar").getByRole("button", { name: "Move", exact: true }).click();
        await page.getByRole("dialog").getByRole("button", { name: "My files" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Templates" }).click();
        await page.getByRole("button", { name: "Move to Templates" }).click();
        await row("Closing dinner.png").getByText("My files / Templates").waitFor();
        assert.deepEqual(await names(page, own.sale.id), ["Résumé of the closing meeting.pdf"]);
        await page.getByRole("button", { name: "Undo" }).last().click();
        await row("Closing dinner.png").getByText("My files / Clients / Lindqvist").waitFor();
        assert.deepEqual(await names(page, own.sale.id), ["Closing checklist.xlsx", "Résumé of the closing meeting.pdf"]);
        await row("Closing dinner.png").focus();
        await key("Escape"); // what was moved is still selected
        await key("Delete");
        await finds(...five.filter((n) => n !== "Closing dinner.png"));
        await key("Control+z");
        await finds(...five);
      });

      await step("/ comes back to the field, from here and from everywhere", async () => {
        await row(five[0]).focus();
        await key("/");
        await until(() => field.evaluate((el) => el === document.activeElement && el.selectionEnd - el.selectionStart === 7), "the words selected");
        await page.goto("/trash");
        await heading("Trash").waitFor();
        await key("/");
        await heading("Search").waitFor();
        await key("g"); // in the field: a letter
        await until(async () => (await field.inputValue()) === "g", "the letter in the field");
      });

      await step("the palette finds on the server, and shows what was used last", async () => {
        await page.goto("/trash");
        await heading("Trash").waitFor();
        await page.getByRole("button", { name: "Search files, people and actions" }).click();
        const typed = page.getByRole("combobox", { name: "Find or do" });
        await page.getByRole("group", { name: "Recent" }).getByRole("option").first().waitFor();
        await lookTwice(page, variant, "palette-recent");
        await typed.fill("dinn");
        await page.getByRole("group", { name: "In all folders" }).getByRole("option", { name: "Closing dinner.png My files / Clients / Lindqvist" }).waitFor();
        await lookTwice(page, variant, "palette-found");
        await key("Enter");
        await page.getByRole("dialog", { name: "Closing dinner.png" }).waitFor();
        await heading("Lindqvist").waitFor({ state: "attached" });
        await page.getByRole("button", { name: "Close preview" }).click();
        await key("Control+k");
        await typed.fill("closing");
        await page.getByRole("option", { name: "Show all results" }).click();
        await heading("Search").waitFor();
        await finds(...five);
      });

      await step("the palette leads to people: for a member, to what they did", async () => {
        await key("Control+k");
        const typed = page.getByRole("combobox", { name: "Find or do" });
        await typed.fill("kvist");
        await page.getByRole("group", { name: "People" }).getByRole("option", { name: "Elsa Kvist elsa@haldenroe.example" }).click();
        await heading("Activity").waitFor();
        assert.match(new URL(page.url()).search, /^\?person=[0-9a-z]{26}$/);
        await page.goto("/search?q=closing");
      });

      await step("who can open it is a filter, links too", async () => {
        const { id } = (await rest(page, "GET", `/nodes/${own.lindqvist.id}/children?q=dinner`)).items[0];
        const link = await rest(page, "POST", `/nodes/${id}/links`, { name: "For Maria" });
        await chip("Who can open it", "Anyone with a link");
        await finds("Closing dinner.png");
        await rest(page, "DELETE", `/links/${link.id}`);
        await chip("Who can open it", "Any");
        await finds(...five);
      });
    }

    await step("what was opened and changed last stands under Recent", async () => {
      if (variant.phone) {
        await page.getByRole("link", { name: "More" }).click();
        await page.getByRole("main").getByRole("link", { name: "Recent" }).click();
      } else {
        await page.getByRole("main").focus();
        await key("g");
        await key("r");
      }
      await heading("Recent").waitFor();
      const today = page.getByRole("list", { name: "Today" });
      await today.getByRole("listitem").first().waitFor();
      assert.match(await today.getByRole("listitem").first().innerText(), /Closing dinner\.png/);
      if (!variant.phone) await today.getByText("You opened it").or(today.getByText("You changed it")).first().waitFor();
      await lookTwice(page, variant, "recent");
      await today.getByRole("link", { name: "Closing letter (template).docx" }).click();
      await page.getByText("No preview for this kind of file.").waitFor();
      await page.getByRole("button", { name: "Close preview" }).click();
    });

    await step("what is pinned stands in the side bar and on its page", async () => {
      await page.goto("/pinned");
      await page.getByText("Nothing is pinned.").waitFor();
      await lookTwice(page, variant, "pinned-empty");
      await page.goto("/files");
      const pin = async (name) => {
        await row(name).getByRole("button", { name: "More actions" }).click();
        await page.getByRole("menuitem", { name: "Pin", exact: true }).click();
        await page.getByRole("region", { name: "Messages" }).getByText(`Pinned “${name}”.`).waitFor();
      };
      await pin("Templates");
      await pin("100% <b> closing \"notes\".txt");
      if (!variant.phone) {
        const side = page.getByRole("navigation", { name: "Main" }).getByRole("list", { name: "Pinned" });
        await side.getByRole("link", { name: "100% <b> closing" }).click();
        await page.getByRole("dialog").getByText("notes", { exact: true }).first().waitFor();
        await page.getByRole("button", { name: "Close preview" }).click();
        await side.getByRole("link", { name: "Templates" }).click();
        await heading("Templates").waitFor();
        await lookTwice(page, variant, "pinned-side");
      }
      await page.goto("/pinned");
      const pinned = page.getByRole("list", { name: "Pinned" }).last();
      await pinned.getByRole("link", { name: "Templates" }).waitFor();
      await lookTwice(page, variant, "pinned");
      await page.getByRole("button", { name: "Unpin Templates" }).click();
      await page.getByRole("region", { name: "Messages" }).getByText("Removed “Templates” from pinned.").waitFor();
      await until(async () => (await pinned.getByRole("listitem").count()) === 1, "one pin left");
      await page.getByRole("button", { name: "Undo" }).last().click();
      await until(async () => (await pinned.getByRole("listitem").count()) === 2, "the pin back");
    });

    assert.deepEqual(complaints, []);
  });
}

test("long results come page by page, and are found in the middle of typing", async (t) => {
  const [variant] = variants;
  const who = { email: "many@haldenroe.example", name: "Mary Many", password };
  await createUser(server, who);
  const { page, complaints, close } = await person(server, variant);
  t.after(close);
  await signIn(page, who);
  const root = await rootOf(page);
  for (let i = 0; i < 130; i++) await rest(page, "POST", `/nodes/${root}/folders`, { name: `Matter ${i}` });
  await page.goto("/search?q=matter");
  await page.getByText("The first 100 results").first().waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByText("130 results").first().waitFor();
  const field = page.getByRole("searchbox", { name: "Search by name" });
  await field.fill("matter 12"); // 12, 112, 120 to 129
  await page.getByText("12 results").first().waitFor();
  // A server that cannot answer is said in the page, with another try.
  await page.route("**/api/v1/search?*", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ status: 503, code: "busy", detail: "x", ref: "7Q2M-4K", title: "x", type: "about:blank" }) }));
  await field.fill("matter 5");
  await page.getByText("The search could not be done.").waitFor();
  await page.unroute("**/api/v1/search?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("22 results").first().waitFor();
  assert.deepEqual(complaints, []);
});
