// What a client gets for each way to ask: one layer of compression that it accepts, the right bytes in it, and a word to caches.

import { createHash } from "node:crypto";
import { request } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

/** Ways to ask, and what may come. Those who accept most ask first: a cache that keeps one answer for all would then show it. */
const ways = [
  ["gzip, deflate, br, zstd", ["br"]],
  ["gzip, deflate", ["gzip"]],
  ["br;q=0, gzip", ["gzip"]],
  ["identity", [undefined]],
  [undefined, [undefined]],
  ["deflate", [undefined]],
  ["gzip;q=0, br;q=0.5", ["br"]],
];
const decode = { br: brotliDecompressSync, gzip: gunzipSync };

/** What is wrong with the answers of `url` for some files: `{ path, integrity, cacheControl }`. Returns sentences; none is well. */
export async function negotiationProblems(url, files) {
  const problems = [];
  for (const { path, integrity, cacheControl } of files)
    for (const [accepts, allowed] of ways) {
      const headers = accepts === undefined ? {} : { "accept-encoding": accepts };
      const { status, headers: got, body } = await get(url + path, headers);
      const wrong = (what) => problems.push(`${path} for \`${accepts ?? "no Accept-Encoding"}\`: ${what}`);
      const encoding = got["content-encoding"];
      if (status !== 200) wrong(`status ${status}`);
      else if (!allowed.includes(encoding)) wrong(`is sent as ${encoding ?? "identity"}`);
      else if (!isRight(body, encoding, integrity)) wrong("what is in it is not what its hash says");
      if (!/\baccept-encoding\b/i.test(got.vary ?? "")) wrong("Vary does not name Accept-Encoding");
      if (got["cache-control"] !== cacheControl) wrong(`Cache-Control is ${got["cache-control"]}`);
    }
  return problems;
}

function isRight(body, encoding, integrity) {
  try {
    const bytes = encoding === undefined ? body : decode[encoding](body);
    return integrity === `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
  } catch {
    return false;
  }
}

/** A request as it is written: nothing is undone. */
export function get(url, headers = {}) {
  return new Promise((settle, refuse) =>
    request(url, { headers }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      settle({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
    })
      .on("error", refuse)
      .end(),
  );
}
