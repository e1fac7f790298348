// What every story needs: a server of its own on a scratch data folder, a real
// browser, the mails of the outbox, and a look at each screen (picture and axe).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const shots = fromHere("../shots/");

/** The two widths that the brief names, each light and dark; COFFER_VARIANT=390 takes a part while working on a story. */
export const variants = ["light", "dark"]
  .flatMap((scheme) => [
    { name: `1440 ${scheme}`, scheme, width: 1440, height: 900, phone: false },
    { name: `390 ${scheme}`, scheme, width: 390, height: 844, phone: true },
  ])
  .filter((variant) => variant.name.includes(process.env.COFFER_VARIANT ?? ""));

/**
 * The steps of a story, each a test of its own. After a failed one the others
 * fail at once instead of waiting for what cannot come.
 */
export function story(t) {
  let failed = "";
  return (name, step) =>
    t.test(name, async (t) => {
      assert.equal(failed, "", "an earlier step failed");
      try {
        await step(t);
      } catch (e) {
        failed = name;
        throw e;
      }
    });
}

export function cofferdPath() {
  return process.env.COFFERD ?? fromHere("../../../bin/cofferd");
}

export function chromiumPath() {
  return process.env.COFFER_CHROMIUM ?? process.env.COFFER_TEST_CHROMIUM ?? process.env.CHROMIUM ?? "/usr/bin/chromium";
}

// The server refuses COFFER_ variables that are no settings of its own, and a
// developer's settings must not change a test.
const serverEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^COFFER_/.test(name)));

function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once("error", reject);
    s.listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

/** Calls what until it returns something, or fails after the time. */
export async function until(what, said, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await what();
    if (got) return got;
    if (Date.now() > end) throw new Error(`${said} did not happen in ${ms / 1000} s`);
    await new Promise((next) => setTimeout(next, 40));
  }
}

/**
 * A running server: `base` is its address, `data` its folder, `log()` what it
 * wrote. `stop()` ends it and removes the folder; with keep it can be started
 * again on the same folder and port.
 */
export async function startServer({ data = mkdtempSync(join(tmpdir(), "coffer-web-")), port, args = [] } = {}) {
  port ??= await freePort();
  const base = `http://127.0.0.1:${port}`;
  const child = spawn(cofferdPath(), ["serve", "--data", data, "--listen", `127.0.0.1:${port}`, "--base-url", base, ...args], { stdio: ["ignore", "pipe", "pipe"], env: serverEnv });
  let text = "";
  let ended = false;
  child.stdout.on("data", (b) => (text += b));
  child.stderr.on("data", (b) => (text += b));
  const over = new Promise((resolve) => child.once("exit", () => resolve((ended = true))));
  const kill = () => child.kill("SIGKILL"); // when the test process itself is stopped
  process.once("exit", kill);

  const stop = async ({ keep = false } = {}) => {
    process.off("exit", kill);
    if (!ended) child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await over;
    clearTimeout(hard);
    if (!keep) rmSync(data, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (ended) throw new Error(`the server ended:\n${text}`);
      return fetch(`${base}/readyz`).then((r) => r.ok, () => false);
    }, "a ready server");
  } catch (e) {
    await stop();
    throw new Error(`${e.message}\n${text}`, { cause: e });
  }
  return { base, data, port, pid: child.pid, log: () => text, stop };
}

/** The setup code that a fresh server prints. */
export function setupCode(server) {
  return until(() => /\/setup#([\w-]+)/.exec(server.log())?.[1], "a setup code in the server's log");
}

/** Runs a command of the administrator beside the running server. */
function admin(server, command, args, input = "") {
  return new Promise((resolve, reject) => {
    const child = spawn(cofferdPath(), ["admin", command, "--data", server.data, ...args], { stdio: ["pipe", "ignore", "pipe"], env: serverEnv });
    let text = "";
    child.stderr.on("data", (b) => (text += b));
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${command}: ${code}\n${text}`))));
    child.stdin.end(input);
  });
}

/** Makes an account that needs no confirmation. */
export function createUser(server, { email, name, password, role = "member" }) {
  return admin(server, "create-user", ["--email", email, "--name", name, "--role", role, "--password-stdin"], password + "\n");
}

/** Turns an account off: its sessions end at once. */
export function turnOff(server, { email }) {
  return admin(server, "turn-off", ["--email", email]);
}

/** The words of a stored e-mail: transfer encodings undone, headers included. */
function readMail(path) {
  const raw = readFileSync(path, "latin1");
  const bytes = raw.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/**
 * Waits for a mail to an address that `seen` does not hold yet, the newest
 * first, whose text fits `about`. Gives its text, six digits and its link.
 */
export async function mailTo(server, email, seen = new Set(), about = /./) {
  const dir = join(server.data, "outbox");
  return until(() => {
    if (!existsSync(dir)) return undefined;
    const files = readdirSync(dir)
      .filter((name) => name.endsWith(".eml") && !seen.has(name))
      .map((name) => ({ name, at: statSync(join(dir, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
    for (const { name } of files) {
      const text = readMail(join(dir, name));
      if (!new RegExp(`^To:.*${email.replace(/[.+]/g, "\\$&")}`, "im").test(text)) continue;
      if (!about.test(text)) continue;
      seen.add(name);
      const body = text.slice(text.search(/\r?\n\r?\n/));
      return { text, code: /(?<![\w#/.-])(\d{3} ?\d{3})(?![\w.-])/.exec(body)?.[1]?.replace(" ", ""), link: /https?:\/\/[^\s"<>]+\/(?:confirm|reset|invitation)#[\w-]+/.exec(body)?.[0] };
    }
    return undefined;
  }, `a mail to ${email}`);
}

let running;

/** The one browser of a test process; every context is a person of its own. */
export async function browser() {
  running ??= chromium.launch({
    executablePath: chromiumPath(),
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  return running;
}

export async function closeBrowser() {
  await (await running)?.close();
  running = undefined;
}

/**
 * A person's browser: a context with one page. Whatever the page complains of
 * (errors, refusals of the content policy, requests to other hosts) is in
 * `complaints`; `expect` names answers that the story brings about on purpose.
 */
export async function person(server, variant, options = {}) {
  const context = await (await browser()).newContext({
    baseURL: server.base,
    viewport: { width: variant.width, height: variant.height },
    colorScheme: variant.scheme,
    isMobile: variant.phone,
    hasTouch: variant.phone,
    locale: "en-GB",
    timezoneId: "Europe/Stockholm",
    ...options,
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints = [];
  // Listened to from the beginning: asked for only with the click, the browser
  // may open a chooser of its own before it is told to report it.
  page.on("filechooser", () => undefined);
  page.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
  page.on("console", (m) => {
    // Answers of 400 and up are what stories bring about; the browser logs them.
    if (m.type() === "error" && !/^Failed to load resource/.test(m.text())) complaints.push(m.text());
  });
  page.on("request", (r) => {
    const url = r.url();
    if (!url.startsWith(server.base) && !url.startsWith("blob:") && !url.startsWith("data:")) complaints.push(`asked ${url}`);
  });
  return { context, page, complaints, close: () => context.close() };
}

/** Motions over and letters there, so that pictures are the same each time. */
export async function settle(page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.allSettled(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished));
  });
}

/** Keeps a picture of the screen for people; COFFER_SHOTS=0 where nobody looks at them. */
export async function picture(page, name) {
  if (process.env.COFFER_SHOTS === "0") return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: `${shots}${name}.png` });
}

/**
 * Looks at a screen: saves a picture, runs axe over the whole page (nothing may
 * be found), and checks that nothing needs scrolling sideways.
 */
export async function look(page, variant, name) {
  await settle(page);
  await picture(page, `${name}-${variant.name.replace(" ", "-")}`);
  // 360 is the smallest phone; 320 is what 400 % zoom leaves of 1280.
  for (const width of variant.phone ? [360, 320, variant.width] : [variant.width]) {
    await page.setViewportSize({ width, height: variant.height });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${name} is ${over} px too wide for ${width}`);
    // What a box hides is no scrolling of the page: bars, and the bodies of dialogs, hold what is in them.
    const cut = await page.evaluate(() => [...document.querySelectorAll("[role=toolbar], dialog[open] .body, [data-list]")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth).map((e) => `${e.getAttribute("aria-label") ?? e.className}: ${e.scrollWidth} in ${e.clientWidth}`));
    assert.deepEqual(cut, [], `${name} cuts at ${width}`);
  }
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeSource);
  // Without preload: no rule that needs the style sheets' text again is of use here.
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"], preload: false }));
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} (${[...n.any, ...n.all, ...n.none].map((c) => c.message).join("; ")})`).join(" | ")}`);
  assert.deepEqual(found, [], `${name} at ${variant.name}`);
}

/** Signs a person in by the page and waits for the files. */
export async function signIn(page, { email, password }) {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL("**/files");
}
