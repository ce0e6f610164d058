// A site whose releases `npm run release` makes, with keys of its own.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeKeys } from "../../scripts/keys.mjs";
import { makeKeys } from "../../scripts/manifest.mjs";
import { makeRelease } from "../../scripts/release.mjs";
import { serveSite } from "./package.mjs";

/**
 * Serves the package's test pages with releases at `/release/`.
 *
 * `publish(options)` makes a release; `release` is the SDK's option, `manifest()` what was published last, `otherKey` a public key
 * that signed nothing.
 */
export async function serveRelease(site = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "nearside-release-"));
  const key = path.join(folder, "private.pem");
  const publicKey = writeKeys(key);
  const out = path.join(folder, "served");
  const server = await serveSite({ ...site, folders: { "/release/": out } });
  const close = server.close;
  let manifest;
  return Object.assign(server, {
    release: { manifestUrl: "/release/manifest.json", publicKeys: [publicKey] },
    otherKey: makeKeys().publicKey,
    manifest: () => manifest,
    async publish(options) {
      manifest = await makeRelease({ out, key, ...options });
      return manifest;
    },
    text: () => readFile(path.join(out, "manifest.json"), "utf8"),
    async close() {
      await close();
      await rm(folder, { recursive: true });
    },
  });
}
