// The pages that are measured, bundled as a publisher would, with everything they load beside them, compressed as a server would.

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { feedText, read } from "../../benches/feed.js";
import { columnsOf, inputsOf, policy, spaceOf } from "../../benches/inputs.js";
import { glueOf } from "../build.mjs";
import { cache, dim, root, say } from "../shell.mjs";
import { COLD_COUNT, engines, filesOf, MODELS, products } from "./contestants.mjs";
import { convert } from "./convert.mjs";

const at = (...path) => join(root, ...path);
const site = join(cache, "bench/site");
const html = (
  script,
  preloads = [],
) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Benchmark</title>
<link rel="icon" href="data:,">${preloads.map((file) => `<link rel="preload" as="fetch" crossorigin href="${file}">`).join("")}
<script type="module" src="${script}"></script>
`;

/** Makes the site and returns its folder. */
export async function makeSite() {
  rmSync(site, { recursive: true, force: true });
  mkdirSync(site, { recursive: true });
  const write = (name, content) => writeFileSync(join(site, name), content);
  for (const { path, file } of MODELS) {
    copyFileSync(at(file), join(site, path));
    write(path.replace(".onnx", ".weights"), convert(readFileSync(at(file)), file));
  }
  const core = join(cache, "bench/core");
  for (const { id, entry, core: own, wasm, missing } of engines()) {
    if (missing) continue;
    copyFileSync(wasm[1], join(site, wasm[0]));
    await bundle(`benches/${entry}`, `engine-${id}.js`, { core: own });
  }
  await bundle("benches/pages/engine.js", "engine.js", {});
  write("engine.html", html("engine.js"));
  await bundle("benches/pages/warm.js", "warm.js", { core });
  write("start.js", `globalThis.loaded = import("./warm.js");\n`);
  write("index.html", html("start.js"));
  copyFileSync(at("dist/nearside_bg.wasm"), join(site, "nearside_bg.wasm"));
  for (const product of products()) if (!product.missing) await makeProduct(product);
  await makeData(core, write);
  compress(site);
  return site;
}

/** One product's page in a folder of its own, so that its requests are its own. */
async function makeProduct({ id, entry, engine: engineId }) {
  const folder = join(site, id);
  mkdirSync(folder);
  const preloads = ["feed.json"];
  const options = {};
  if (engineId) {
    const engine = engines().find(({ id }) => id === engineId);
    const files = filesOf(engine, MODELS[0]);
    for (const name of Object.values(files)) copyFileSync(join(site, name), join(folder, name));
    Object.assign(options, { engine: at("benches", engine.entry), files });
    preloads.push(...Object.values(files));
  } else if (id !== "blend") {
    const dist = id === "full" ? "dist/full" : "dist";
    for (const file of [at(dist, "nearside_bg.wasm"), at("dist/reranker.onnx")]) {
      copyFileSync(file, join(folder, basename(file)));
      preloads.push(basename(file));
    }
    options.flavour = dist;
  }
  await bundle(`benches/${entry}`, `${id}/page.js`, options);
  writeFileSync(join(folder, "index.html"), html("page.js", preloads));
}

/** The SDK's `core.js` over the glue in `folder`, as one file beside that. */
async function coreOf(folder) {
  const { build } = await import("esbuild");
  const outfile = join(folder, "core.mjs");
  const contents = `${glueOf(folder)} export { glue }; export { Core, rowsOf } from "./dist/core.js";`;
  await build({ stdin: { contents, resolveDir: at(".") }, bundle: true, format: "esm", outfile });
  return outfile;
}

/** Everything that is bundled goes through here; what it may import beside its own files is named. */
async function bundle(entry, name, { core, engine, files, flavour = "dist" }) {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [at(entry)],
    outdir: join(site, dirname(name)),
    entryNames: basename(name, ".js"),
    // What the package loads only when asked stays a file of its own.
    splitting: true,
    alias: {
      "nearside/candidates": at("dist/candidates.js"),
      ...(core ? { "nearside/core": await coreOf(core) } : {}),
      ...(engine ? { engine } : {}),
      // By its file: under benches/, which is a package of its own, the name means nothing.
      nearside: at(flavour, "index.js"),
    },
    plugins: [
      {
        name: "files",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^files$/ }, () => ({ path: "files", namespace: "files" }));
          onLoad({ filter: /.*/, namespace: "files" }, () => ({
            contents: `export const files = ${JSON.stringify(files)};`,
          }));
        },
      },
    ],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
    legalComments: "none",
  });
}

/** Feeds for the products, inputs for the engines, and the page that makes a visitor a returning one. */
async function makeData(core, write) {
  const { Core, glue } = await import(pathToFileURL(await coreOf(core)).href);
  const { toColumns } = await import(pathToFileURL(at("dist/candidates.js")).href);
  glue.start({ module: new WebAssembly.Module(readFileSync(join(core, "nearside_bg.wasm"))) });
  const now = Date.now();
  let feed;
  for (const { id, file } of MODELS) {
    const own = new Core(glue, readFileSync(at(file)));
    own.check();
    read(own, now);
    const text = feedText(COLD_COUNT, spaceOf(own), now);
    const ranked = own.rank(columnsOf(toColumns, JSON.parse(text).items), spaceOf(own), policy, now);
    const inputs = Object.entries(inputsOf(own, ranked)).map(([name, value]) => [
      name,
      typeof value === "number" ? value : Array.from(value),
    ]);
    write(`inputs-${id}.json`, JSON.stringify(Object.fromEntries(inputs)));
    feed ??= text;
  }
  for (const { id, engine, missing } of products()) {
    if (missing) continue;
    write(`${id}/feed.json`, feed);
    if (engine) copyFileSync(join(site, `inputs-${MODELS[0].id}.json`), join(site, id, "inputs.json"));
  }
  mkdirSync(join(site, "seed"));
  await bundle("benches/products/seed.js", "seed/page.js", {});
  for (const name of ["nearside_bg.wasm", "reranker.onnx"])
    copyFileSync(at("dist", name), join(site, "seed", name));
  write("seed/index.html", html("page.js"));
}

/** Brotli at its best beside every file. Large files take half a minute, so what was compressed before is kept. */
function compress(folder) {
  const kept = join(cache, "bench/brotli");
  mkdirSync(kept, { recursive: true });
  for (const name of readdirSync(folder, { recursive: true }).map(String)) {
    const file = join(folder, name);
    if (!statSync(file).isFile()) continue;
    const bytes = readFileSync(file);
    const copy = join(kept, createHash("sha256").update(bytes).digest("hex"));
    if (!existsSync(copy)) {
      if (bytes.length > 1 << 20) say(dim(`  brotli of ${basename(name)}, once`));
      const text = /\.(js|json|html)$/.test(name);
      const params = {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_MODE]: text ? constants.BROTLI_MODE_TEXT : constants.BROTLI_MODE_GENERIC,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      };
      writeFileSync(copy, brotliCompressSync(bytes, { params }));
    }
    copyFileSync(copy, `${file}.br`);
  }
}
