// What `npm run edge` rests on, without its servers; and that docs/delivery.md says what was measured and what is configured.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { DOCUMENT, documentWith, RESULTS } from "../../scripts/edge/document.mjs";
import { negotiationProblems } from "../../scripts/edge/negotiation.mjs";
import { replay } from "../../scripts/edge/replay.mjs";
import { replaced } from "../../scripts/edge/servers.mjs";
import { root } from "./consumer.mjs";

const text = (name) => readFileSync(path.join(root, name), "utf8");
const bytes = Buffer.from("a model of sixteen bytes, or rather more");
const cacheControl = "public, max-age=31536000, immutable";
const file = {
  path: "/m",
  cacheControl,
  integrity: `sha256-${createHash("sha256").update(bytes).digest("base64")}`,
};

/** A server for one test; `answer` gets the accepted encoding, or undefined, and gives `{ headers, body }`. */
async function serve(t, answer) {
  const server = createServer((request, response) => {
    const asked = request.headers["accept-encoding"] ?? "";
    const accepts = (name) => new RegExp(`\\b${name}\\b(?!;q=0(,|$))`).test(asked);
    const { headers, body } = answer(["br", "gzip"].find(accepts));
    response.writeHead(200, { "Cache-Control": cacheControl, "Content-Length": body.length, ...headers });
    response.end(body);
  });
  await new Promise((settle) => server.listen(0, "127.0.0.1", settle));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

const compressed = { br: brotliCompressSync(bytes), gzip: gzipSync(bytes) };
const well = (encoding) => ({
  headers: { Vary: "Accept-Encoding", ...(encoding ? { "Content-Encoding": encoding } : {}) },
  body: compressed[encoding] ?? bytes,
});

test("compression as it should be has no problem; each mistake is named", async (t) => {
  const problems = async (answer) =>
    negotiationProblems(`http://127.0.0.1:${await serve(t, answer)}`, [file]).then((found) =>
      found.join("\n"),
    );
  assert.equal(await problems(well), "");
  assert.match(
    await problems((encoding) => ({
      ...well(encoding),
      headers: { "Content-Encoding": encoding ?? "identity" },
    })),
    /Vary does not name Accept-Encoding/,
  );
  // A cache that took no notice of a missing Vary.
  assert.match(await problems(() => well("br")), /`identity`: is sent as br/);
  const twice = (encoding) => ({
    ...well(encoding),
    body: brotliCompressSync(compressed[encoding] ?? bytes),
  });
  assert.match(await problems(twice), /not what its hash says/);
  const other = (encoding) => ({
    ...well(encoding),
    headers: { ...well(encoding).headers, "Cache-Control": "no-store" },
  });
  assert.match(await problems(other), /Cache-Control is no-store/);
});

test("a replay sends what it was given, counts it, and notices another answer", async (t) => {
  let answers = 0;
  const seen = new Set();
  const port = await serve(t, (encoding) => {
    seen.add(encoding);
    return { headers: {}, body: Buffer.from(++answers === 50 ? "another" : "the same") };
  });
  const page = ["/a", "/b"].map((url) => ({
    method: "GET",
    url,
    headers: [`Host: 127.0.0.1:${port}`, "Accept-Encoding: gzip, br"],
  }));
  const found = await replay({ port }, page, 40, 4);
  assert.equal(found.requests, 80);
  assert.equal(answers, 80);
  assert.equal(found.problems.length, 1);
  assert.deepEqual([...seen], ["br"]);
});

test("a replacement that finds nothing to replace stops", () => {
  assert.equal(replaced("a 1 a", { a: "b" }), "b 1 b");
  assert.throws(() => replaced("a", { x: "y" }), /no `x` to replace/);
});

test("docs/delivery.md quotes benches/edge.json", () => {
  assert.equal(documentWith(JSON.parse(readFileSync(RESULTS, "utf8"))), readFileSync(DOCUMENT, "utf8"));
});

test("docs/delivery.md and the configurations agree on the headers and times", () => {
  const [document, nginx, varnish] = ["", "/nginx.conf", "/varnish.vcl"].map((end) =>
    text(`docs/delivery${end || ".md"}`),
  );
  for (const header of [
    "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400",
    "public, max-age=31536000, immutable",
  ]) {
    assert.ok(document.includes(`\`${header}\``), header);
    assert.ok(nginx.includes(`"${header}"`), header);
  }
  assert.match(varnish, /req\.grace = 600s/);
  assert.ok(document.includes("http_gzip_support=off") && varnish.includes("http_gzip_support=off"));
});
