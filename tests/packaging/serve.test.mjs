// The demo's file server: right types, right caching, and nothing from outside its folder.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { serve } from "../../scripts/serve.mjs";

let parent;
let server;
before(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "nearside-serve-"));
  const folder = path.join(parent, "site");
  await mkdir(path.join(folder, "story"), { recursive: true });
  await writeFile(path.join(parent, "secret.txt"), "secret");
  await symlink(path.join(parent, "secret.txt"), path.join(folder, "link.txt"));
  await mkdir(`${folder}-other`);
  await writeFile(`${folder}-other/secret.txt`, "secret");
  const files = {
    "index.html": "<!doctype html><title>front</title>",
    "story/index.html": "<!doctype html><title>story</title>",
    "a b.txt": "space",
    ".hidden": "hidden",
    "core.wasm": "\0asm",
    "reranker.onnx": "model",
    "app.0123456789abcdef.js": "1;",
    "app.js": "export const long = 'long';",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  await writeFile(path.join(folder, "app.js.br"), brotliCompressSync(files["app.js"]));
  server = await serve({ folder, port: 0 });
});
after(async () => {
  await server?.close();
  await rm(parent, { recursive: true, force: true });
});

/** A request as written: `fetch` would tidy the path, and undo compression. */
function get(target, { method = "GET", headers = {}, base = server.url } = {}) {
  const { hostname, port } = new URL(base);
  return new Promise((settle, refuse) =>
    request({ hostname, port, path: target, method, headers }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      settle({
        status: response.statusCode,
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      });
    })
      .on("error", refuse)
      .end(),
  );
}

test("each file has its type", async () => {
  const types = {
    "/": "text/html; charset=utf-8",
    "/core.wasm": "application/wasm",
    "/app.js": "text/javascript; charset=utf-8",
    "/reranker.onnx": "application/octet-stream",
    "/a%20b.txt": "text/plain; charset=utf-8",
  };
  for (const [target, type] of Object.entries(types)) {
    const { status, headers } = await get(target);
    assert.deepEqual([target, status, headers["content-type"]], [target, 200, type]);
    assert.equal(headers["x-content-type-options"], "nosniff");
  }
});

test("pages carry a policy that allows wasm and forbids eval and foreign scripts", async () => {
  const policy = (await get("/")).headers["content-security-policy"];
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'(;|$)/);
  assert.doesNotMatch(policy, /'unsafe-(eval|inline)'/);
  assert.equal((await get("/app.js")).headers["content-security-policy"], undefined);
});

test("nothing outside the folder is served, however it is asked for", async () => {
  const targets = [
    "/../secret.txt",
    "/story/../../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "//..//secret.txt",
    "/../site-other/secret.txt",
    "/link.txt",
    "/.hidden",
    "/index.html%00.txt",
    "/%",
    "/%ff",
    encodeURI(`/${path.join(parent, "secret.txt")}`),
  ];
  for (const target of targets) {
    const { status, body } = await get(target);
    assert.ok(!body.includes("secret") && !body.includes("hidden"), target);
    assert.notEqual(status, 200, target);
  }
  assert.equal((await get("/story/")).status, 200);
});

test("a folder without its slash is redirected within the site", async () => {
  const { status, headers } = await get("/story");
  assert.deepEqual([status, headers.location], [308, "/story/"]);
});

test("names with a hash in them stay, others are asked for again and answered with 304", async () => {
  assert.match((await get("/app.0123456789abcdef.js")).headers["cache-control"], /immutable/);
  const first = await get("/");
  assert.equal(first.headers["cache-control"], "no-cache");
  const again = await get("/", { headers: { "if-none-match": first.headers.etag } });
  assert.deepEqual([again.status, again.body], [304, ""]);
  assert.equal((await get("/", { headers: { "if-none-match": '"other"' } })).status, 200);
});

test("a compressed neighbour goes to those who accept it", async () => {
  const compressed = await get("/app.js", { headers: { "accept-encoding": "gzip, br" } });
  assert.equal(compressed.headers["content-encoding"], "br");
  assert.equal(compressed.headers["content-type"], "text/javascript; charset=utf-8");
  const plain = await get("/app.js");
  assert.equal(plain.headers["content-encoding"], undefined);
  assert.equal(plain.headers.vary, "Accept-Encoding");
  assert.notEqual(plain.headers.etag, compressed.headers.etag);
});

test("only reading is allowed", async () => {
  const head = await get("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.body], [200, ""]);
  assert.ok(Number(head.headers["content-length"]) > 0);
  for (const method of ["POST", "PUT", "DELETE"]) assert.equal((await get("/", { method })).status, 405);
});

test("a taken port leads to the next, and isolation is there for the asking", async () => {
  const port = Number(new URL(server.url).port);
  const second = await serve({ folder: path.join(parent, "site"), port, isolate: true });
  try {
    assert.notEqual(second.url, server.url);
    const { headers } = await get("/", { base: second.url });
    assert.equal(headers["cross-origin-opener-policy"], "same-origin");
    assert.equal(headers["cross-origin-embedder-policy"], "require-corp");
    assert.equal((await get("/")).headers["cross-origin-opener-policy"], undefined);
  } finally {
    await second.close();
  }
});
