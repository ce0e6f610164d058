// Changes a WebAssembly file, and builds the one with faults on purpose.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { workerOver } from "../../scripts/build.mjs";
import { bundle, sha384 } from "./site.mjs";

/** The module with a memory that can grow by `pages` of 64 KB, and no further: `memory.grow` then answers that it cannot. */
export function limited(module, pages) {
  const sections = [module.subarray(0, 8)];
  let at = 8;
  const read = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < module.length) {
    const start = at;
    const id = module[at++];
    const size = read();
    const body = at;
    if (id === 5) {
      read(); // how many memories: one
      at++; // its limits' kind
      const least = read();
      const limits = [1, 1, ...leb(least), ...leb(least + pages)];
      sections.push(Buffer.from([5, ...leb(limits.length), ...limits]));
    } else sections.push(module.subarray(start, body + size));
    at = body + size;
  }
  return Buffer.concat(sections);
}

function leb(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

const root = new URL("../../", import.meta.url);
/** Where the build with the Cargo feature `faults` lies. */
export const faultyFolder = fileURLToPath(new URL(".cache/faults", root));
export const isFaultyBuilt = () => existsSync(`${faultyFolder}/nearside_bg.wasm`);

/** The files of the build that does what the page's `nearsideFault` says; `plugins` as for `bundle`. */
export async function faultyFiles(plugins = []) {
  const wasm = await readFile(`${faultyFolder}/nearside_bg.wasm`);
  const instead = {
    name: "instead",
    setup(build) {
      build.onResolve({ filter: /\/nearside\.js$/ }, () => ({ path: `${faultyFolder}/nearside.js` }));
      build.onLoad({ filter: /dist\/integrity\.js$/ }, async ({ path }) => ({
        contents: (await readFile(path, "utf8")).replace(/(wasmIntegrity = ")[^"]+/, `$1${sha384(wasm)}`),
      }));
    },
  };
  const worker = await build({
    stdin: { contents: workerOver(faultyFolder), resolveDir: fileURLToPath(root) },
    ...{ bundle: true, format: "esm", target: "es2022", write: false, logLevel: "error", plugins: [instead] },
  });
  return {
    "/nearside.js": await bundle([...plugins, instead]),
    "/nearside_bg.wasm": wasm,
    "/worker.js": worker.outputFiles[0].text,
  };
}
