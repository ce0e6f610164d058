// Builds the npm package into dist/, and with --www the demo page into www/dist/.
//
//   src/ ── cargo ── wasm-bindgen ─┬─ wasm-opt ── dist/nearside_bg.wasm ─┐
//                                  └─ glue ────── dist/nearside.js       ├─ dist/integrity.js
//   models/reranker.onnx ──────────────────────── dist/reranker.onnx ────┘
//   js/*.ts ── tsc ────────────────────────────── dist/*.js, *.d.ts
//   dist/serve.js with the glue ── esbuild ────── dist/worker.js
//
// A step whose inputs and outputs are as the last run left them is skipped.

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
import { join, relative } from "node:path";
import { withoutPanicWords } from "./panics.mjs";
import { ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen, withoutRustflags } from "./setup.mjs";
import { bin, cache, capture, dim, done, isMain, main, root, run, Stop, say, seconds } from "./shell.mjs";

const TARGET = "wasm32-unknown-unknown";
// Timed and weighed on the shipped bytes: see DEVELOPING.md.
const WASM_OPT_FLAGS = ["-O3", "--strip-target-features", "--strip-debug"];
const BINDGEN_FLAGS = [
  ...["--target", "web", "--out-name", "nearside"],
  // The SDK always says where the wasm is, so bundlers see one reference to it: the SDK's.
  "--omit-default-module-path",
  // After a trap the SDK drops the instance and takes a new one.
  "--experimental-reset-state-function",
  // The names are needed to find what words a panic; wasm-opt strips them.
  "--remove-producers-section",
];

const at = (...parts) => join(root, ...parts);
const stage = join(cache, "build");
const own = readFileSync(new URL(import.meta.url));

/**
 * Builds the crate and its glue into `folder`; `bindgen` is the folder with wasm-bindgen in it. `feature`: a Cargo feature to
 * switch on, for a build beside the package's.
 */
export async function buildCore(bindgen, folder, feature) {
  const named = (name) => (feature === undefined ? name : `${name}-${feature}`);
  const output = (name) => join(folder, name);
  const cdylib = await compile(feature);
  const bound = join(stage, named("bindgen"));
  const boundWasm = join(bound, "nearside_bg.wasm");
  mkdirSync(folder, { recursive: true });

  await step(named("bind"), {
    inputs: [cdylib],
    key: [BINDGEN_FLAGS, capture(join(bindgen, "wasm-bindgen"), ["--version"]).stdout],
    outputs: [boundWasm, join(bound, "nearside.js"), join(bound, "nearside.d.ts")],
    async make() {
      rmSync(bound, { recursive: true, force: true });
      await run(join(bindgen, "wasm-bindgen"), [cdylib, "--out-dir", bound, ...BINDGEN_FLAGS]);
      if (!targetFeatures(boundWasm).includes("simd128"))
        throw new Stop(
          "The wasm was built without SIMD: unset RUSTFLAGS, which replaces .cargo/config.toml's flags.",
        );
    },
  });

  await step(named("optimise"), {
    inputs: [boundWasm, at("package-lock.json"), at("scripts/panics.mjs")],
    key: WASM_OPT_FLAGS,
    outputs: [output("nearside_bg.wasm")],
    async make([output]) {
      const named = join(stage, "named.wasm");
      writeFileSync(named, await withoutPanicWords(readFileSync(boundWasm)));
      await run(process.execPath, [bin("binaryen", "wasm-opt"), named, ...WASM_OPT_FLAGS, "-o", output]);
      if (!WebAssembly.validate(readFileSync(output))) throw new Stop("wasm-opt wrote an invalid module.");
    },
  });

  await step(named("glue"), {
    inputs: [join(bound, "nearside.js"), join(bound, "nearside.d.ts")],
    outputs: [output("nearside.js"), output("nearside.d.ts")],
    async make([script, types]) {
      const { transform } = await import("esbuild");
      // Comments and wasm-bindgen's own console warnings go: a publisher's console stays clean.
      const glue = await transform(readFileSync(join(bound, "nearside.js"), "utf8"), {
        drop: ["console"],
        legalComments: "none",
        target: "es2022",
      });
      writeFileSync(script, glue.code);
      // Symbol.dispose is in no standard library that a consumer's compiler can be asked to have.
      const declared = readFileSync(join(bound, "nearside.d.ts"), "utf8");
      writeFileSync(types, declared.replaceAll(/^ *\[Symbol\.dispose\]\(\): void;\n/gm, ""));
    },
  });
}

/** Builds the package; installs nothing. `bindgen` is the folder with wasm-bindgen in it. */
export async function buildPackage(bindgen) {
  const began = performance.now();
  await buildCore(bindgen, at("dist"));

  const model = at("models/reranker.onnx");
  if (!existsSync(model)) throw new Stop("models/reranker.onnx is missing: take it from the repository.");
  copyFileSync(model, at("dist/reranker.onnx"));

  await step("integrity", {
    inputs: [at("dist/nearside_bg.wasm"), model],
    outputs: [at("dist/integrity.js"), at("dist/integrity.d.ts")],
    make([script, types]) {
      const names = { wasmIntegrity: "nearside_bg.wasm", modelIntegrity: "reranker.onnx" };
      const constant = ([name, file]) => `export const ${name} = "${integrity(at("dist", file))}";\n`;
      writeFileSync(script, Object.entries(names).map(constant).join(""));
      writeFileSync(
        types,
        Object.keys(names)
          .map((name) => `export declare const ${name}: string;\n`)
          .join(""),
      );
    },
  });

  const sources = filesUnder(at("js")).filter((file) => file.endsWith(".ts"));
  const emitted = sources
    .filter((file) => !file.endsWith(".d.ts"))
    .flatMap((file) =>
      [".js", ".d.ts"].map((end) => at("dist", relative(at("js"), file).replace(/\.ts$/, end))),
    );
  await step("sdk", {
    inputs: [...sources, at("tsconfig.json"), at("package-lock.json"), at("dist/nearside.d.ts")],
    outputs: emitted,
    async make() {
      await run(process.execPath, [bin("typescript", "tsc"), "--project", "tsconfig.json"], {
        otherwise: "The SDK does not compile; tsc's output above says why.",
      });
    },
  });

  await buildWorker(at("dist"));

  prune(at("dist"), [
    ...[
      "nearside.js",
      "nearside.d.ts",
      "nearside_bg.wasm",
      "reranker.onnx",
      "integrity.js",
      "integrity.d.ts",
      "worker.js",
    ].map((name) => at("dist", name)),
    ...emitted,
  ]);
  done(`dist/ is built ${dim(`(${seconds(began)})`)}`);
}

/** Makes the worker's script of the glue in `folder`: one file that imports nothing, so that it can be copied to where it is served. */
async function buildWorker(folder) {
  await step("worker", {
    inputs: ["nearside.js", "serve.js", "score.js"].map((name) => join(folder, name)),
    outputs: [join(folder, "worker.js")],
    async make([outfile]) {
      const { build } = await import("esbuild");
      await build({
        stdin: {
          contents: `import init, { Core } from "./nearside.js"; import { serve } from "./serve.js"; serve({ init, Core });`,
          resolveDir: folder,
        },
        ...{ bundle: true, minify: true, format: "esm", target: "es2022", outfile },
        logLevel: "error",
      });
    },
  });
}

/** Builds the demo page from the built package. */
export async function buildPage() {
  const began = performance.now();
  const output = at("www/dist");
  await step("www", {
    inputs: [
      ...filesUnder(at("www")).filter((file) => !file.startsWith(output)),
      ...filesUnder(at("dist")),
      ...["webpack.config.js", "package.json", "package-lock.json"].map((name) => at(name)),
    ],
    outputs: () => filesUnder(output),
    async make() {
      rmSync(output, { recursive: true, force: true });
      await bundle((await import("../webpack.config.js")).default);
    },
  });
  done(`www/dist/ is built ${dim(`(${seconds(began)})`)}`);
}

/** Runs webpack and shows what it made. */
async function bundle(configuration) {
  const { default: webpack } = await import("webpack");
  const compiler = webpack(configuration);
  const stats = await new Promise((settle, refuse) =>
    compiler.run((error, stats) => compiler.close(() => (error ? refuse(error) : settle(stats)))),
  );
  say(stats.toString({ preset: stats.hasErrors() ? "errors-warnings" : "normal", modules: false }));
  if (stats.hasErrors()) throw new Stop("The demo page does not build; webpack's output above says why.");
}

/** Compiles the crate to a wasm module and returns its path. Cargo itself knows when nothing has changed. */
async function compile(feature) {
  say(dim("  cargo"));
  const cargo = ["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", TARGET];
  // A cdylib has no hash in its name: with and without a feature, one would overwrite the other.
  if (feature !== undefined)
    cargo.push("--features", feature, "--target-dir", join(cache, "target", feature));
  const locked = process.env.CI ? ["--locked"] : [];
  const env = withoutRustflags();
  await run("cargo", [...cargo, ...locked], { env, otherwise: "The crate does not compile; see above." });
  // Again, now without work to do: where is it, and what was built?
  const messages = capture("cargo", [...cargo, ...locked, "--quiet", "--message-format=json"], {
    env,
  }).stdout;
  const artifact = messages
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .findLast(({ reason, target }) => reason === "compiler-artifact" && target.name === "nearside");
  const modules = (artifact?.filenames ?? []).filter((file) => file.endsWith(".wasm"));
  // Beside an rlib, cargo would silently leave link-time optimisation out.
  if (modules.length !== 1 || artifact.target.crate_types.join() !== "cdylib")
    throw new Stop(
      `One wasm module was to come from a lone cdylib; keep Cargo.toml's crate-type at ["rlib"].`,
    );
  return modules[0];
}

/** The features a module's `target_features` section names. */
function targetFeatures(file) {
  const [section] = WebAssembly.Module.customSections(
    new WebAssembly.Module(readFileSync(file)),
    "target_features",
  );
  return section === undefined ? "" : Buffer.from(section).toString("latin1");
}

/** A file's SHA-384, as the `integrity` attribute writes it. */
export const integrity = (file) =>
  `sha384-${createHash("sha384").update(readFileSync(file)).digest("base64")}`;

/** Runs `make` unless its inputs, outputs, key and this script are what they were when it last succeeded. */
async function step(name, { inputs, outputs, key = null, make }) {
  const stamp = join(stage, `${name}.stamp`);
  const produced = typeof outputs === "function" ? outputs : () => outputs;
  const state = () => digest([...inputs, ...produced()], key);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === state()) return;
  say(dim(`  ${name}`));
  rmSync(stamp, { force: true });
  mkdirSync(stage, { recursive: true });
  await make(produced());
  const missing = produced().find((file) => !existsSync(file));
  if (missing) throw new Stop(`The step "${name}" did not write ${relative(root, missing)}.`);
  writeFileSync(stamp, state());
}

function digest(files, key) {
  const hash = createHash("sha256").update(own).update(JSON.stringify(key));
  for (const file of files) {
    const bytes = existsSync(file) ? readFileSync(file) : "absent";
    hash.update(JSON.stringify([file, bytes.length])).update(bytes);
  }
  return hash.digest("hex");
}

/** All files under a folder, sorted. */
function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** Deletes what an earlier build left that this one does not write. */
function prune(folder, keep) {
  for (const file of filesUnder(folder)) if (!keep.includes(file)) rmSync(file);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    ensureNode();
    await ensureNodeModules();
    await ensureRust();
    await buildPackage(await ensureWasmBindgen());
    if (process.argv.includes("--www")) await buildPage();
  });
}
