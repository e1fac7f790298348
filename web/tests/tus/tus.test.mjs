// tus-js-client, as others use it, against the real server: what is sent arrives
// byte by byte, whatever ends in between.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Upload } from "tus-js-client";
import { createUser, startServer, until } from "../browser/harness.mjs";

const password = "the ferry leaves at seven";
const data = randomBytes(20 * 1024 * 1024 + 12_345); // two parts and a half
const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");
let server;
let anna;
let ben;

before(async () => {
  server = await startServer();
  anna = await signedIn("Anna");
  ben = await signedIn("Ben");
});
after(() => server.stop());

/** A person by REST: the headers of their session, and their own folder. */
async function signedIn(name) {
  const email = `${name.toLowerCase()}@haldenroe.example`;
  await createUser(server, { email, name, password });
  const answer = await fetch(`${server.base}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin" },
    body: JSON.stringify({ email, password }),
  });
  assert.ok(answer.ok, await answer.text());
  const headers = { Cookie: answer.headers.getSetCookie()[0].split(";")[0], "Sec-Fetch-Site": "same-origin" };
  const spaces = await (await fetch(`${server.base}/api/v1/spaces`, { headers })).json();
  return { headers, root: spaces.items[0].root_id };
}

const endpoint = () => `${server.base}/api/v1/uploads`;
const metadata = (who, name) => ({ parent: who.root, name });
const begin = (who, name, options) => new Upload(data, { endpoint: endpoint(), headers: who.headers, metadata: metadata(who, name), ...options });

/** Lets an upload run to its end; fails as it fails. */
function run(upload) {
  return new Promise((resolve, reject) => {
    upload.options.onSuccess = () => resolve(upload.url);
    upload.options.onError = reject;
    upload.start();
  });
}

const head = (who, url) => fetch(url, { method: "HEAD", headers: { ...who.headers, "Tus-Resumable": "1.0.0" } });

async function offset(who, url) {
  return Number((await head(who, url)).headers.get("Upload-Offset"));
}

/** The file that an upload became, byte by byte. */
async function wantFile(who, url, name) {
  const id = (await head(who, url)).headers.get("Coffer-Node");
  assert.ok(id, "the upload tells no file");
  const get = (path) => fetch(`${server.base}/api/v1/nodes/${id}${path}`, { headers: who.headers });
  assert.equal(sum(Buffer.from(await (await get("/content")).arrayBuffer())), sum(data));
  assert.equal((await (await get("")).json()).name, name);
}

/** How many bytes the PATCH requests of an upload announce, and where the first begins. */
function watch() {
  const seen = { first: undefined, posts: 0 };
  return {
    seen,
    onBeforeRequest(request) {
      if (request.getMethod() === "POST") seen.posts++;
      if (request.getMethod() === "PATCH") seen.first ??= Number(request.getHeader("Upload-Offset"));
    },
  };
}

test("plain, in one request and in chunks", async () => {
  await wantFile(anna, await run(begin(anna, "plain.bin")), "plain.bin");
  await wantFile(anna, await run(begin(anna, "chunks.bin", { chunkSize: 1_234_567 })), "chunks.bin");
  await wantFile(anna, await run(begin(anna, "with creation.bin", { uploadDataDuringCreation: true })), "with creation.bin");
});

test("four parts at once, of the client's own kind", async () => {
  await wantFile(anna, await run(begin(anna, "parts.bin", { parallelUploads: 4 })), "parts.bin");
});

test("goes on after the client was killed", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "coffer-tus-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "data");
  writeFileSync(path, data);
  const client = spawn(process.execPath, [fileURLToPath(new URL("killed.mjs", import.meta.url))], {
    env: { ...process.env, TUS: JSON.stringify({ endpoint: endpoint(), headers: anna.headers, metadata: metadata(anna, "killed.bin"), path }) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  client.stdout.on("data", (b) => (said += b));
  await until(() => said.split("chunk").length > 2, "two chunks");
  const gone = new Promise((over) => client.once("exit", over));
  client.kill("SIGKILL");
  await gone;
  const { seen, onBeforeRequest } = watch();
  const uploadUrl = said.split("\n")[0];
  await wantFile(anna, await run(begin(anna, "killed.bin", { uploadUrl, onBeforeRequest })), "killed.bin");
  assert.equal(seen.posts, 0, "began anew");
  assert.ok(seen.first >= 6_000_000, `went on at ${seen.first}`);
});

test("goes on by itself after the server was killed and started again", async () => {
  const { seen, onBeforeRequest } = watch();
  let killed;
  const upload = begin(anna, "restart.bin", {
    chunkSize: 3_000_000,
    retryDelays: Array(40).fill(250),
    onBeforeRequest,
    onChunkComplete(_, accepted) {
      if (killed || accepted < 9_000_000) return;
      process.kill(server.pid, "SIGKILL");
      killed = server.stop({ keep: true }).then(async () => {
        server = await startServer({ data: server.data, port: server.port });
      });
    },
  });
  const url = await run(upload);
  assert.ok(killed, "the server was not killed");
  await killed;
  assert.equal(seen.posts, 1, "began anew");
  await wantFile(anna, url, "restart.bin");
});

test("begins anew when the upload has ended", async () => {
  const url = await half("ended.bin");
  const removed = await fetch(url, { method: "DELETE", headers: { ...anna.headers, "Tus-Resumable": "1.0.0" } });
  assert.equal(removed.status, 204);
  assert.equal((await head(anna, url)).status, 404);
  const { seen, onBeforeRequest } = watch();
  const again = await run(begin(anna, "ended.bin", { uploadUrl: url, onBeforeRequest }));
  assert.notEqual(again, url);
  assert.deepEqual(seen, { first: 0, posts: 1 });
  await wantFile(anna, again, "ended.bin");
});

test("another person's upload is not there", async () => {
  const url = await half("mine.bin");
  const theirs = new Upload(data, { uploadUrl: url, headers: ben.headers, retryDelays: [] });
  await assert.rejects(run(theirs), (e) => e.originalResponse.getStatus() === 404);
  assert.equal(await offset(anna, url), 6_000_000);
  await wantFile(anna, await run(begin(anna, "mine.bin", { uploadUrl: url })), "mine.bin");
});

test("a wrong offset is refused, and the client finds back", async () => {
  const url = await half("offset.bin");
  const statuses = [];
  let wrong = true;
  const upload = begin(anna, "offset.bin", {
    uploadUrl: url,
    retryDelays: [10],
    onBeforeRequest(request) {
      if (request.getMethod() !== "PATCH" || !wrong) return;
      wrong = false;
      request.setHeader("Upload-Offset", "5000000");
    },
    onAfterResponse: (request, response) => void (request.getMethod() === "PATCH" && statuses.push(response.getStatus())),
  });
  await wantFile(anna, await run(upload), "offset.bin");
  assert.deepEqual(statuses, [409, 204]);
});

/** An upload of Anna's of which 6,000,000 bytes are sent. */
async function half(name) {
  const upload = begin(anna, name, { chunkSize: 6_000_000 });
  await new Promise((resolve, reject) => {
    upload.options.onError = reject;
    upload.options.onChunkComplete = () => void upload.abort().then(resolve);
    upload.start();
  });
  const url = upload.url;
  await until(async () => (await offset(anna, url)) === 6_000_000, "6,000,000 bytes at the server");
  return url;
}
