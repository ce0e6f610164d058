// A small static server on 127.0.0.1 which can spoil what it serves.

import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { latency } from "./slow.mjs";

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".onnx": "application/octet-stream",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

const html = "<!doctype html><title>Not found</title><p>This page could not be found.</p>";

/** What can be done to an answer. Each gets `{ status, headers, body }` and returns another, or undefined: no answer. */
const kinds = {
  404: (answer) => ({
    ...answer,
    status: 404,
    headers: { "content-type": types[".html"] },
    body: Buffer.from(html),
  }),
  500: (answer) => ({ ...answer, status: 500, body: Buffer.from("") }),
  hang: () => undefined,
  reset: (_answer, response) => void response.socket.destroy(),
  html: (answer) => ({ ...answer, headers: { "content-type": types[".html"] }, body: Buffer.from(html) }),
  empty: (answer) => ({ ...answer, body: Buffer.alloc(0) }),
  truncate: (answer) => ({ ...answer, body: answer.body.subarray(0, answer.body.length >> 1) }),
  flip: (answer) => {
    const body = Buffer.from(answer.body);
    body[body.length >> 1] ^= 0x10;
    return { ...answer, body };
  },
  mime: (answer) => ({ ...answer, headers: { ...answer.headers, "content-type": "text/plain" } }),
};

/**
 * Serves a folder.
 *
 * - `root`: a path or `file:` URL, or an object of URL prefixes and folders (`{ "/": a, "/lib/": b }`, longest prefix first).
 * - `files`: texts or bytes by path, before the folder: `{ "/index.html": "<p>…" }`.
 * - `headers`: sent with every answer, or a function of the path that returns some.
 * - `faults`: what to spoil, by path or by the path's end: `{ "/a.js": "404", "*.wasm": "flip" }`. A fault is one of
 *   `404`, `500`, `hang`, `reset`, `html`, `empty`, `truncate`, `flip`, `mime`, `{ delay: ms }`, or a function
 *   `(answer, response, request) => answer`. The returned `faults` may be changed at any time.
 * - `host`: another address of the loopback network, for an origin that no earlier server had.
 *
 * Returns `{ url, requests, faults, close() }`; `url` has no slash at its end, `requests` lists
 * `{ method, path, search, headers, body }` in the order of arrival.
 */
export async function serve(root, { faults = {}, headers = {}, files = {}, host = "127.0.0.1" } = {}) {
  const folders = Object.entries(typeof root === "object" && !(root instanceof URL) ? root : { "/": root })
    .map(([prefix, folder]) => [prefix, folder instanceof URL ? fileURLToPath(folder) : folder])
    .sort(([a], [b]) => b.length - a.length);
  const requests = [];

  const find = async (pathname) => {
    for (const name of pathname.endsWith("/") ? [`${pathname}index.html`] : [pathname]) {
      if (Object.hasOwn(files, name)) return { name, body: Buffer.from(files[name]) };
      for (const [prefix, folder] of folders) {
        if (!name.startsWith(prefix)) continue;
        const file = path.join(folder, path.normalize(`/${name.slice(prefix.length)}`));
        if ((await stat(file).catch(() => undefined))?.isFile()) return { name, body: await readFile(file) };
      }
    }
    return undefined;
  };

  const server = createServer(async (request, response) => {
    try {
      const { pathname, search } = new URL(request.url, "http://localhost");
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      requests.push({
        method: request.method,
        path: pathname,
        search,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });

      const wait = latency();
      if (wait > 0) await delay(wait);
      const found = await find(decodeURIComponent(pathname));
      const shared = {
        "cache-control": "no-cache",
        ...(typeof headers === "function" ? headers(pathname) : headers),
      };
      let answer = found
        ? {
            status: 200,
            headers: { "content-type": types[path.extname(found.name)] ?? "application/octet-stream" },
            body: found.body,
          }
        : { status: 404, headers: { "content-type": types[".html"] }, body: Buffer.from(html) };

      const fault =
        faults[pathname] ??
        Object.entries(faults).find(([end]) => end[0] === "*" && pathname.endsWith(end.slice(1)))?.[1];
      if (typeof fault === "function") answer = await fault(answer, response, request);
      else if (typeof fault === "object") await delay(fault.delay);
      else if (fault !== undefined) {
        if (!kinds[fault]) throw new Error(`no such fault: ${fault}`);
        answer = kinds[fault](answer, response);
      }
      if (!answer || response.destroyed) return;
      response.writeHead(answer.status, {
        ...shared,
        ...answer.headers,
        "content-length": answer.body.length,
      });
      response.end(request.method === "HEAD" ? undefined : answer.body);
    } catch (error) {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    }
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    url: `http://${host}:${server.address().port}`,
    requests,
    faults,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
