// A static file server for this machine alone: loopback only, reads only, nothing outside its folder.

import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { isMain, main, root, Stop, say } from "./shell.mjs";

const HOST = "127.0.0.1";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".onnx": "application/octet-stream",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** What a publisher's page needs for Nearside is `'wasm-unsafe-eval'`; `connect-src` is open for `?feed=URL`. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "connect-src 'self' http: https:",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** For benchmarks: a clock of 5 µs needs a page that is isolated from other origins. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * Serves `folder` on the loopback interface, at `port` or the next free one after it (0: any).
 * Returns its URL and a function that ends it.
 */
export async function serve({
  folder,
  port = 8080,
  isolate = false,
  contentSecurityPolicy = CONTENT_SECURITY_POLICY,
}) {
  const base = await realpath(folder).catch(() => {
    throw new Stop(`${folder} does not exist: build it first.`);
  });
  const common = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    ...(isolate ? ISOLATION : {}),
  };
  const server = createServer(async (request, response) => {
    const {
      status,
      headers = {},
      body = "",
    } = await answer(base, request, contentSecurityPolicy).catch(() => ({
      status: 500,
    }));
    response.writeHead(status, { ...common, ...headers });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  await listen(server, port);
  return {
    url: `http://${HOST}:${server.address().port}/`,
    close: () =>
      new Promise((settle) => {
        server.close(settle);
        server.closeAllConnections();
      }),
  };
}

async function listen(server, first) {
  const ports =
    first === 0 ? [0] : [...Array.from({ length: 20 }, (_, n) => first + n).filter((p) => p < 65536), 0];
  for (const port of ports) {
    const taken = await new Promise((settle, refuse) => {
      server.once("error", (error) =>
        ["EADDRINUSE", "EACCES"].includes(error.code) ? settle(true) : refuse(error),
      );
      server.listen(port, HOST, () => settle(false));
    });
    server.removeAllListeners("error");
    if (!taken) return;
  }
}

async function answer(base, request, contentSecurityPolicy) {
  if (request.method !== "GET" && request.method !== "HEAD")
    return { status: 405, headers: { Allow: "GET, HEAD" } };
  const file = await find(base, request.url);
  if (file === undefined)
    return { status: 404, headers: { "Content-Type": TYPES[".txt"] }, body: "Not found\n" };
  if (file.redirect) return { status: 308, headers: { Location: file.redirect } };

  const type = TYPES[extname(file.path)] ?? "application/octet-stream";
  const headers = { "Content-Type": type, "Cache-Control": cacheControl(file.path), Vary: "Accept-Encoding" };
  if (type === TYPES[".html"] && contentSecurityPolicy)
    headers["Content-Security-Policy"] = contentSecurityPolicy;

  const compressed = /\bbr\b/.test(request.headers["accept-encoding"] ?? "")
    ? await readFile(`${file.path}.br`).catch(() => undefined)
    : undefined;
  if (compressed) headers["Content-Encoding"] = "br";
  const body = compressed ?? (await readFile(file.path));
  headers.ETag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const known = (request.headers["if-none-match"] ?? "")
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(headers.ETag)) return { status: 304, headers };
  return { status: 200, headers: { ...headers, "Content-Length": body.length }, body };
}

/** A name with a content hash in it never changes; anything else is asked for again, and may stay in the bfcache. */
const cacheControl = (path) =>
  /\.[0-9a-f]{8,}\.\w+$/.test(path) ? "public, max-age=31536000, immutable" : "no-cache";

/** The file a request means, `{ redirect }` for a folder without its slash, or undefined. */
async function find(base, url) {
  let path;
  try {
    path = decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return undefined;
  }
  if (/[\0\\]|\/\./.test(path)) return undefined;
  // Links are followed before the check, so that none leads out.
  const real = await realpath(join(base, path)).catch(() => undefined);
  if (real === undefined || (real !== base && !real.startsWith(base + sep))) return undefined;
  const entry = await stat(real);
  if (entry.isFile()) return path.endsWith("/") ? undefined : { path: real };
  if (!path.endsWith("/")) return { redirect: `${encodeURI(path.replace(/^\/+/, "/"))}/` };
  const index = join(real, "index.html");
  return (await stat(index).catch(() => undefined))?.isFile() ? { path: index } : undefined;
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values, positionals } = parseArgs({
      options: { port: { type: "string", default: "8080" }, isolate: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const folder = resolve(root, positionals[0] ?? "www/dist");
    const { url } = await serve({ folder, port: Number(values.port), isolate: values.isolate });
    say(url);
  });
}
