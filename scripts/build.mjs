// Builds the npm package into dist/, and with --www the demo page into www/dist/.
//
//   src/ ── cargo ── wasm-bindgen ─┬─ wasm-opt ── dist/nearside_bg.wasm ─┐
//                                  └─ glue ────── dist/nearside.js       ├─ dist/integrity.js
//   models/reranker.onnx ──────────────────────── dist/reranker.onnx ────┘
//   js/*.ts ── tsc ────────────────────────────── dist/*.js, *.d.ts
//   dist/serve.js with the glue ── esbuild ────── dist/worker.js
//   dist/index.js and all it imports ─ esbuild ── dist/index.cjs
//
// The full flavour is the same crate with the feature `tract`, in dist/full/, where js/full/ finds its files; all else the flavours share.
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
import { rewritten } from "./glue.mjs";
import { thirdPartyNotices } from "./notices.mjs";
import { withoutPanicWords } from "./panics.mjs";
import { ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen, withoutRustflags } from "./setup.mjs";
import { bin, cache, capture, dim, done, isMain, main, root, run, Stop, say, seconds } from "./shell.mjs";

const TARGET = "wasm32-unknown-unknown";
// Timed and weighed on the shipped bytes: see DEVELOPING.md.
const WASM_OPT_FLAGS = [
  "-O3",
  // Nothing lies in the first KB but the end of the stack. LLVM has inlined already, and what is left to inline compresses worse.
  // Together 0.5 KB in brotli.
  ...["--low-memory-unused", "--partial-inlining-ifs=0", "--flexible-inline-max-function-size=1"],
  ...["--always-inline-max-function-size=0", "--one-caller-inline-max-function-size=20"],
  ...["--strip-target-features", "--strip-debug"],
];
// Of tract, opt-level 3 (inlining up to 25) makes 29 % more in brotli; a ranking of 200 then takes 1.1 ms, not 1.8, in the transformer of
// tests/fixtures, and 0.4, not 0.8, in the trees. -Oz makes 6 % more than -O1 in brotli. (Quality 9; Node 20.)
const FULL_OPT_LEVEL = "s";
const FULL_WASM_OPT_FLAGS = ["-O1", "--strip-target-features", "--strip-debug"];
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

  const full = isFull(feature);
  const flags = full ? FULL_WASM_OPT_FLAGS : WASM_OPT_FLAGS;
  await step(named("optimise"), {
    inputs: [boundWasm, at("package-lock.json"), at("scripts/panics.mjs")],
    key: flags,
    outputs: [output("nearside_bg.wasm")],
    async make([output]) {
      let taken = boundWasm;
      // The full flavour prints its panics: their words stay.
      if (!full) {
        taken = join(stage, `${named("worded")}.wasm`);
        writeFileSync(taken, await withoutPanicWords(readFileSync(boundWasm)));
      }
      await run(process.execPath, [bin("binaryen", "wasm-opt"), taken, ...flags, "-o", output]);
      if (!WebAssembly.validate(readFileSync(output))) throw new Stop("wasm-opt wrote an invalid module.");
    },
  });

  await step(named("glue"), {
    inputs: [
      join(bound, "nearside.js"),
      join(bound, "nearside.d.ts"),
      output("nearside_bg.wasm"),
      at("scripts/glue.mjs"),
      at("js/utf8.ts"),
    ],
    outputs: [output("nearside.js"), output("nearside.d.ts")],
    async make([script, types]) {
      const { transform } = await import("esbuild");
      // Comments and wasm-bindgen's own console warnings go: a publisher's console stays clean. What the full flavour
      // prints when it panics stays.
      const written = readFileSync(join(bound, "nearside.js"), "utf8").replaceAll(
        "console.error(",
        "printError(",
      );
      const glue = await transform(written, {
        drop: ["console"],
        legalComments: "none",
        target: "es2022",
      });
      const module = new WebAssembly.Module(readFileSync(output("nearside_bg.wasm")));
      const imported = new Set(WebAssembly.Module.imports(module).map(({ name }) => name));
      writeFileSync(
        script,
        (await rewritten(glue.code, imported)).replaceAll("printError(", "console.error("),
      );
      // Symbol.dispose is in no standard library that a consumer's compiler can be asked to have.
      const declared = readFileSync(join(bound, "nearside.d.ts"), "utf8");
      writeFileSync(types, declared.replaceAll(/^ *\[Symbol\.dispose\]\(\): void;\n/gm, ""));
    },
  });
}

/** The default flavour's module as it is shipped, but with its names; the package must have been built. Returns its path. */
export async function optimiseNamed() {
  const output = join(stage, "named.wasm");
  const flags = WASM_OPT_FLAGS.map((flag) => (flag === "--strip-debug" ? "-g" : flag));
  await run(process.execPath, [
    bin("binaryen", "wasm-opt"),
    join(stage, "worded.wasm"),
    ...flags,
    "-o",
    output,
  ]);
  return output;
}

/** Builds the package; installs nothing. `bindgen` is the folder with wasm-bindgen in it. `full`: with the full flavour. */
export async function buildPackage(bindgen, { full = false } = {}) {
  const began = performance.now();
  await buildCore(bindgen, at("dist"));
  if (full) await buildCore(bindgen, at("dist/full"), "tract");

  if (full) {
    await step("notices", {
      inputs: [
        ...["Cargo.lock", "Cargo.toml", "kernels/Cargo.toml", "scripts/notices.mjs"].map((name) => at(name)),
        ...["LICENSE-MIT", "models/LICENSE-WORDNET"].map((name) => at(name)),
      ],
      outputs: [at("THIRD-PARTY-NOTICES")],
      make: ([file]) => writeFileSync(file, thirdPartyNotices()),
    });
  }

  const model = at("models/reranker.onnx");
  if (!existsSync(model)) throw new Stop("models/reranker.onnx is missing: take it from the repository.");
  copyFileSync(model, at("dist/reranker.onnx"));

  await writeIntegrity("integrity", at("dist"), model);
  if (full) await writeIntegrity("integrity-full", at("dist/full"), model);

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
      // Tags for `npm run guards`, which reads the sources.
      for (const file of emitted.filter((file) => file.endsWith(".js")))
        writeFileSync(
          file,
          readFileSync(file, "utf8").replaceAll(/^ *\/\/ guard: .*\n| *\/\/ guard: .*$/gm, ""),
        );
    },
  });

  await buildWorker("worker", at("dist"));
  if (full) await buildWorker("worker-full", at("dist/full"));
  const core = [
    ...["nearside.js", "nearside.d.ts", "nearside_bg.wasm"],
    ...["integrity.js", "integrity.d.ts", "worker.js", "index.cjs"],
  ];
  await buildClassic("classic", at("dist"));
  if (full) await buildClassic("classic-full", at("dist/full"));
  prune(at("dist"), [
    ...core.map((name) => at("dist", name)),
    ...(full ? core.map((name) => at("dist/full", name)) : []),
    at("dist/reranker.onnx"),
    ...emitted,
  ]);
  done(`dist/ is built ${dim(`(${seconds(began)})`)}`);
}

/** Writes the hashes of a flavour's wasm and glue and of the model beside the wasm, and the package's version. */
function writeIntegrity(name, folder, model) {
  const [wasm, glue] = ["nearside_bg.wasm", "nearside.js"].map((name) => join(folder, name));
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  return step(name, {
    inputs: [wasm, glue, model],
    key: version,
    outputs: [join(folder, "integrity.js"), join(folder, "integrity.d.ts")],
    make([script, types]) {
      const hashes = {
        wasmIntegrity: integrity(wasm),
        modelIntegrity: integrity(model),
        glueIntegrity: integrity(glue, "sha256"), // a manifest names it so
        version,
      };
      const constants = Object.entries(hashes).map(([name, hash]) => `export const ${name} = "${hash}";\n`);
      writeFileSync(script, constants.join(""));
      const declared = Object.keys(hashes).map((name) => `export declare const ${name}: string;\n`);
      writeFileSync(types, declared.join(""));
    },
  });
}

/** Makes the worker's script of the glue in `folder`: one file that imports nothing, so that it can be copied to where it is served. */
async function buildWorker(name, folder) {
  const modules = readdirSync(at("dist")).filter((name) => name.endsWith(".js") && name !== "worker.js");
  await step(name, {
    inputs: [join(folder, "nearside.js"), ...modules.map((name) => at("dist", name))],
    outputs: [join(folder, "worker.js")],
    async make([outfile]) {
      const { build } = await import("esbuild");
      await build({
        stdin: { contents: workerOver(folder), resolveDir: at("dist") },
        ...{ bundle: true, minify: true, format: "esm", target: "es2022", outfile },
        logLevel: "error",
      });
    },
  });
}

/** A script's lines that have `glue`, as the SDK takes it, of the build in a folder. */
export const glueOf = (
  folder,
) => `import { __wbg_reset_state, Core as GlueCore, initSync } from ${JSON.stringify(join(folder, "nearside.js"))};
const glue = { Core: GlueCore, start: initSync, renew: __wbg_reset_state };`;

/** The worker's script over the build in a folder. */
export const workerOver = (folder) =>
  `${glueOf(folder)} import { serve } from ${JSON.stringify(at("dist/serve.js"))}; serve(glue);`;

/**
 * Makes the script for what can only `require`, as Jest does where nothing compiles the modules it imports: one file beside the modules,
 * which does not know its own address. Bundlers take the modules, also for a `require`: the package's `exports` say so.
 */
async function buildClassic(name, folder) {
  await step(name, {
    inputs: filesUnder(at("dist")).filter((file) => file.endsWith(".js")),
    outputs: [join(folder, "index.cjs")],
    async make([outfile]) {
      const { build } = await import("esbuild");
      await build({
        entryPoints: [join(folder, "index.js")],
        ...{ bundle: true, format: "cjs", platform: "neutral", target: "es2022", outfile },
        minifyWhitespace: true,
        external: ["idb-keyval"],
        define: { "import.meta.url": "undefined" },
        legalComments: "none",
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

/** Whether a build's features make it one of the full flavour. */
const isFull = (feature) => feature?.split(",").includes("tract") ?? false;

/** Compiles the crate to a wasm module and returns its path. Cargo itself knows when nothing has changed. */
async function compile(feature) {
  say(dim("  cargo"));
  const cargo = ["rustc", "--lib", "--crate-type", "cdylib", "--release", "--target", TARGET];
  // A cdylib has no hash in its name: with and without a feature, one would overwrite the other.
  if (feature !== undefined)
    cargo.push("--features", feature, "--target-dir", join(cache, "target", feature));
  const locked = process.env.CI ? ["--locked"] : [];
  const env = withoutRustflags();
  if (isFull(feature)) env.CARGO_PROFILE_RELEASE_OPT_LEVEL = FULL_OPT_LEVEL;
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

/** A file's hash, as the `integrity` attribute writes it. */
export const integrity = (file, algorithm = "sha384") =>
  `${algorithm}-${createHash(algorithm).update(readFileSync(file)).digest("base64")}`;

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
    await buildPackage(await ensureWasmBindgen(), { full: true });
    if (process.argv.includes("--www")) await buildPage();
  });
}
