// A site whose releases `npm run release` makes, with keys of its own.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeKeys } from "../../delivery/keys.mjs";
import { makeKeys } from "../../delivery/manifest.mjs";
import { makeRelease } from "../../delivery/release.mjs";
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

/** What a page keeps of the site's releases; `undefined` where it keeps nothing. */
export const keptRelease = (page) =>
  page.evaluate(() => {
    const { releases } = JSON.parse(localStorage.getItem("nearside.release") ?? "{}");
    return releases?.[new URL("/release/manifest.json", location.href)];
  });

/** Waits until a page has done all that it does about the newest manifest: it came, is kept, and so are the files it names. */
export async function taken(page, site) {
  const { version, killed, model } = site.manifest();
  await page.waitForFunction(
    ([version, names]) => {
      const came = performance.getEntriesByType("resource").map(({ name }) => name.split("/").pop());
      const { releases } = JSON.parse(localStorage.getItem("nearside.release") ?? "{}");
      const kept = releases?.[new URL("/release/manifest.json", location.href)];
      return kept?.version === version && names.every((name) => came.includes(name));
    },
    [version, ["manifest.json", ...(killed ? [] : [model.name])]],
  );
}
