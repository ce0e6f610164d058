// The package as a publisher gets it: packed, installed elsewhere, imported, type-checked, bundled, run in a browser.

import assert from "node:assert/strict";
import { appendFile, cp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import * as esbuild from "esbuild";
import { chromium } from "playwright-core";
import webpack from "webpack";
import { makeKeys, sign } from "../../delivery/manifest.mjs";
import { makeRelease } from "../../delivery/release.mjs";
import { integrity } from "../../scripts/build.mjs";
import { serve } from "../../scripts/serve.mjs";
import { makeConsumer, root, stories } from "./consumer.mjs";

const require = createRequire(import.meta.url);
const tsc = path.join(path.dirname(require.resolve("typescript/package.json")), "bin/tsc");

let consumer;
before(async () => {
  consumer = await makeConsumer();
});
after(() => consumer?.remove());

describe("contents", () => {
  test("hold the built package and its papers, and nothing else", async () => {
    const modules = (await readdir(path.join(root, "js"), { recursive: true }))
      .filter((name) => /(?<!\.d)\.ts$/.test(name))
      .flatMap((name) => [".js", ".d.ts"].map((end) => `dist/${name.replace(/\.ts$/, end)}`));
    const built = [
      "nearside.js",
      "nearside.d.ts",
      "nearside_bg.wasm",
      "reranker.onnx",
      "integrity.js",
      "integrity.d.ts",
      "worker.js",
      "index.cjs",
    ];
    const full = built.filter((name) => name !== "reranker.onnx").map((name) => `dist/full/${name}`);
    const commands = (await readdir(path.join(root, "delivery"))).map((name) => `delivery/${name}`);
    const papers = [
      "models/minilm-l6-pca64-v1.safetensors", // the default model's space, which a release holds
      "package.json",
      "README.md",
      "CHANGELOG.md",
      "PRIVACY.md",
      "LICENSE-MIT",
      "LICENSE-APACHE",
      "THIRD-PARTY-NOTICES",
    ];
    assert.deepEqual(
      consumer.files,
      [...modules, ...built.map((name) => `dist/${name}`), ...full, ...commands, ...papers].sort(),
    );
  });

  test("bring idb-keyval and no other dependency", async () => {
    const installed = (await readdir(path.join(consumer.folder, "node_modules"))).filter(
      (name) => name[0] !== ".",
    );
    assert.deepEqual(installed.sort(), ["idb-keyval", "nearside"]);
  });

  test("are what the built-in hashes say", async () => {
    const dist = path.join(consumer.folder, "node_modules/nearside/dist");
    for (const flavour of [dist, path.join(dist, "full")]) {
      const hashes = await readFile(path.join(flavour, "integrity.js"), "utf8");
      for (const [name, file] of [
        ["wasmIntegrity", path.join(flavour, "nearside_bg.wasm")],
        ["modelIntegrity", path.join(dist, "reranker.onnx")],
      ])
        assert.ok(hashes.includes(`${name} = "${integrity(file)}"`), file);
    }
  });

  test("have none of the entry points that only tests and the bench build", async () => {
    const [source, faults] = await Promise.all(
      ["src/wasm.rs", "src/wasm/faults.rs"].map((file) => readFile(path.join(root, file), "utf8")),
    );
    assert.match(source, /#\[cfg\(feature = "faults"\)\]\nmod faults;/);
    for (const name of ["trapEvery", "nearsideFault"]) assert.ok(faults.includes(name), name);
    const dist = path.join(consumer.folder, "node_modules/nearside/dist");
    const exported = WebAssembly.Module.exports(
      new WebAssembly.Module(await readFile(path.join(dist, "nearside_bg.wasm"))),
    ).map(({ name }) => name);
    assert.ok(exported.includes("core_call"), exported.join());
    const entries = await readdir(dist, { recursive: true, withFileTypes: true });
    for (const { parentPath, name } of entries.filter((entry) => entry.isFile()))
      assert.doesNotMatch(
        await readFile(path.join(parentPath, name), "latin1"),
        /trapEvery|trap_every|nearsideFault|a fault on purpose|core_repeat/,
        name,
      );
  });

  test("name every file they import with its ending, as browsers want it", async () => {
    const dist = path.join(consumer.folder, "node_modules/nearside/dist");
    for (const name of await readdir(dist, { recursive: true })) {
      if (!/\.(js|d\.ts)$/.test(name)) continue;
      const text = await readFile(path.join(dist, name), "utf8");
      const imported = [...text.matchAll(/(?:from|import)\s*\(?["']([^"']+)["']/g)].map(([, what]) => what);
      for (const what of imported)
        assert.match(what, /^(\.{1,2}\/.+\.js|idb-keyval)$/, `${name} imports ${what}`);
    }
  });
});

describe("in Node", () => {
  test("importing it does nothing", async () => {
    await consumer.write(
      "import.mjs",
      `const calls = [];
      const spy = (name) => (...args) => { calls.push([name, args.length]); };
      for (const name of ["fetch", "setTimeout", "setInterval", "queueMicrotask", "requestAnimationFrame",
        "addEventListener", "BroadcastChannel", "indexedDB", "localStorage", "navigator", "document", "window"])
        Object.defineProperty(globalThis, name, { configurable: true, get: () => spy(name) });
      const compile = WebAssembly.compile;
      WebAssembly.compile = WebAssembly.instantiate = spy("WebAssembly");
      const before = Reflect.ownKeys(globalThis);
      const api = await import("nearside");
      process.stdout.write(JSON.stringify({ calls, added: Reflect.ownKeys(globalThis).filter((key) => !before.includes(key)).map(String), api: Object.keys(api).sort() }));`,
    );
    const { code, stdout, stderr } = await consumer.node("import.mjs");
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      calls: [],
      added: [],
      api: ["MemoryStore", "createReranker", "reasons", "releaseReasons"],
    });
    assert.equal(stderr, "");
  });

  test("ranking there answers with the server's order, throws nothing and lets the process end", async () => {
    await consumer.write(
      "rank.mjs",
      `import { createReranker, reasons } from "nearside";
      const items = ${JSON.stringify(stories)};
      const answers = {};
      for (const consent of [true, false]) {
        const reranker = createReranker({ consent });
        const ranking = await reranker.rank(items, { budgetMs: 5000 });
        answers[consent] = { ...ranking.outcome, same: ranking.items.every((item, n) => item === items[n]) && ranking.items.length === items.length,
          known: reasons.includes(ranking.outcome.reason) };
        await Promise.race([reranker.ready, ranking]);
        reranker.clicked(items[0]);
        reranker.dispose();
      }
      process.stdout.write(JSON.stringify(answers));`,
    );
    const { code, stdout, stderr } = await consumer.node("--unhandled-rejections=strict", "rank.mjs");
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const answers = JSON.parse(stdout);
    for (const answer of Object.values(answers)) {
      assert.equal(answer.source, "server");
      assert.ok(answer.same && answer.known && answer.moved === 0, JSON.stringify(answer));
    }
    assert.equal(answers.false.reason, "no_consent");
    assert.match(answers.true.reason, /^(unsupported|load_failed)$/);
  });
});

describe("flavours", () => {
  const bundle = (contents) =>
    esbuild.build({
      stdin: { contents, resolveDir: consumer.folder },
      ...{ bundle: true, minify: true, format: "esm", write: false, metafile: true, logLevel: "silent" },
    });
  const modules = ({ metafile }) =>
    Object.keys(metafile.inputs).map((name) => name.split("nearside/dist/")[1]);

  test("the default entry holds nothing of the full flavour", async () => {
    const bundled = await bundle(`export * from "nearside";`);
    assert.deepEqual(
      modules(bundled).filter((name) => name?.startsWith("full/")),
      [],
    );
    assert.ok(modules(bundled).includes("nearside.js"));
    assert.doesNotMatch(bundled.outputFiles[0].text, /inspect|TreeEnsemble/);
    const wasm = await readFile(path.join(consumer.folder, "node_modules/nearside/dist/nearside_bg.wasm"));
    assert.ok(wasm.length < 256 * 1024);
    for (const word of ["tract-", "TreeEnsemble", "ai.onnx.ml", "serde", "console"])
      assert.ok(!wasm.includes(word), word);
  });

  test("the full entry holds no other wasm's glue and hashes than its own, and shares all else", async () => {
    const names = modules(await bundle(`export * from "nearside/full";`));
    for (const name of ["nearside.js", "integrity.js", "flavour.js"])
      assert.ok(names.includes(`full/${name}`), name);
    for (const name of ["nearside.js", "integrity.js", "default-flavour.js"])
      assert.ok(!names.includes(name), name);
    for (const name of ["reranker.js", "engine.js", "profile.js", "store.js", "consent.js"])
      assert.ok(names.includes(name), name);
  });

  test("importing the full flavour does nothing and offers the same", async () => {
    await consumer.write(
      "full.mjs",
      `import * as plain from "nearside"; import * as full from "nearside/full";
      const reranker = full.createReranker({ consent: false });
      const { outcome } = await reranker.rank([{ id: "a" }]);
      const members = (one) => Object.keys(one).sort();
      const added = members(reranker).filter((name) => !members(plain.createReranker({ consent: false })).includes(name));
      process.stdout.write(JSON.stringify({ api: members(full), same: members(plain).join() === members(full).join(),
        shared: plain.reasons === full.reasons && plain.releaseReasons === full.releaseReasons && plain.MemoryStore === full.MemoryStore, reason: outcome.reason, added,
        inspection: String(await reranker.inspect()) }));`,
    );
    const { code, stdout, stderr } = await consumer.node("full.mjs");
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      api: ["MemoryStore", "createReranker", "reasons", "releaseReasons"],
      ...{ same: true, shared: true, reason: "no_consent", added: ["inspect"], inspection: "undefined" },
    });
  });
});

describe("the command", () => {
  const nearside = (...args) => consumer.node("node_modules/.bin/nearside", ...args);

  test("makes keys and a release, and checks it, from the installed package alone", async () => {
    const { stdout: help } = await nearside();
    for (const name of ["keys", "release", "check"])
      assert.match(help, new RegExp(`^nearside ${name} --out`, "m"));
    const made = await nearside("keys", "--out", "key.pem");
    assert.equal(made.code, 0, made.stderr);
    const [, key] = /^([\w+/]{43}=)$/m.exec(made.stdout);
    const released = await nearside("release", "--out", "site", "--key", "key.pem", "--channel", "uk");
    assert.equal(released.code, 0, released.stderr);
    assert.match(released.stdout, /Version 1 is in /);
    const check = (...more) => nearside("check", "--out", "site", "--key", key, ...more);
    const good = await check("--channel", "uk");
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /Pages take this release/);
    const other = await check();
    assert.deepEqual([other.code, /for the channel "uk", not "default"/.test(other.stdout)], [1, true]);
    const soon = await check("--channel", "uk", "--days", "60");
    assert.deepEqual([soon.code, /make a new one/.test(soon.stdout)], [1, true]);
    const wrong = await check("--days", "soon");
    assert.deepEqual([wrong.code, /--days is a number/.test(wrong.stderr)], [1, true]);
    const foreign = await nearside("check", "--out", "site", "--key", `${"A".repeat(43)}=`);
    assert.deepEqual([foreign.code, /none of the public keys/.test(foreign.stderr)], [1, true]);

    const site = path.join(consumer.folder, "site");
    const wasm = (await readdir(site)).find((name) => /^nearside\..*\.wasm$/.test(name));
    await appendFile(path.join(site, wasm), "x");
    await rm(path.join(site, "manifest.json.gz"));
    const spoilt = await check("--channel", "uk");
    assert.equal(spoilt.code, 1);
    for (const why of [
      `${wasm} is not the file that was signed`,
      `${wasm}.br is not there, or another`,
      "manifest.json.gz is not there",
    ])
      assert.ok(spoilt.stdout.includes(why), spoilt.stdout);
  });

  test("says of a release for another glue that it does not fit the installed package", async () => {
    const { privateKey, publicKey } = makeKeys();
    const site = path.join(consumer.folder, "other");
    await consumer.write("other.pem", privateKey);
    const out = await makeRelease({ out: site, key: path.join(consumer.folder, "other.pem") });
    const other = { ...out, glue: { ...out.glue, integrity: `sha256-${"A".repeat(43)}=` } };
    await consumer.write("other/manifest.json", sign(other, privateKey));
    const { code, stdout } = await nearside("check", "--out", "other", "--key", publicKey);
    assert.deepEqual([code, /does not fit the one that is installed here/.test(stdout)], [1, true], stdout);
  });

  test("says what there is where it is asked for something else", async () => {
    const { code, stderr } = await nearside("publish");
    assert.deepEqual([code, /no command publish, only keys, release, check/.test(stderr)], [1, true]);
    const short = await nearside("check", "--out", "site");
    assert.deepEqual([short.code, /Use `nearside check --out DIR --key/.test(short.stderr)], [1, true]);
  });
});

describe("types", () => {
  const good = `
    import { createReranker, MemoryStore, reasons, releaseReasons, type Candidate, type Outcome, type Policy, type Reason, type ReleaseReason } from "nearside";

    interface Story extends Candidate { readonly title: string }
    const story: Story = { id: "a", title: "A", _nearside: { topic: "sports", pinned: true } };
    const policy: Policy = { strength: 0.5, topicCap: { limit: 2, window: 5 } };
    const seen: Outcome[] = [];
    const reranker = createReranker({ consent: () => true, policy, store: new MemoryStore(), onOutcome: (outcome) => seen.push(outcome) });
    const { items, outcome } = await reranker.rank([story], { budgetMs: 50, keep: ["a"] });
    const title: string | undefined = items[0]?.title;
    const reason: Reason = outcome.reason;
    const known: boolean = reasons.includes(reason);
    const release: ReleaseReason | undefined = outcome.release;
    const all: readonly ReleaseReason[] = releaseReasons;
    // @ts-expect-error a manifest's fault is never a ranking's reason
    const never: Reason = "rollback";
    await reranker.rank({ items: [story], _nearside: { space: "s" } });
    import { createReranker as createFull, type Inspection } from "nearside/full";
    const inspection: Inspection | undefined = await createFull({ consent: true }).inspect();
    const milliseconds: number | undefined = inspection?.ranking?.timings.total;
    const nodes: number | undefined = inspection?.model.operators["MatMul"];
    export { all, known, milliseconds, never, nodes, release, title };
  `;
  const bad = `
    import { createReranker } from "nearside";
    // @ts-expect-error consent must be said
    createReranker({});
    // @ts-expect-error an item needs an id
    void createReranker({ consent: true }).rank([{ title: "no id" }]);
    // @ts-expect-error only the full flavour inspects
    void createReranker({ consent: true }).inspect();
  `;
  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ]) {
    test(`serve a strict consumer with ${moduleResolution} resolution`, async () => {
      await consumer.write("good.mts", good);
      await consumer.write("bad.mts", bad);
      await consumer.write(
        "tsconfig.json",
        JSON.stringify({
          compilerOptions: {
            ...{ module, moduleResolution, target: "es2022", lib: ["es2022", "dom"], types: [] },
            ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
            ...{ noEmit: true, skipLibCheck: false },
          },
          files: ["good.mts", "bad.mts"],
        }),
      );
      const { code, stdout } = await consumer.node(tsc, "--project", "tsconfig.json");
      assert.equal(code, 0, stdout);
    });
  }
});

/** What a bundled page does: rank for a new reader, let the reader read four stories, rank again. */
const page = (options, imports = "") => `
  import { createReranker } from "nearside";
  ${imports}
  const items = ${JSON.stringify(stories)};
  const reranker = createReranker({ consent: true${options} });
  await reranker.ready;
  const rank = async () => {
    const { items: ordered, outcome } = await reranker.rank(items, { budgetMs: 10000 });
    return { ...outcome, ids: ordered.map((item) => item.id) };
  };
  const cold = await rank();
  for (const item of items.filter((item) => item._nearside.topic === "sports")) {
    reranker.clicked(item);
    reranker.dwelled(item, 60);
  }
  document.documentElement.dataset.shown = JSON.stringify({ cold, warm: await rank() });
`;

const html = (script) =>
  `<!doctype html><meta charset="utf-8"><title>t</title><script type="module" src="${script}"></script>\n`;

/** Opens a built page in Chromium and returns the outcomes it showed and how many workers it made, asserting a quiet console. */
async function shown(folder, contentSecurityPolicy) {
  const server = await serve({ folder, port: 0, contentSecurityPolicy });
  const browser = await chromium.launch({
    executablePath: process.env.NEARSIDE_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ],
  });
  try {
    const tab = await browser.newPage();
    const problems = [];
    tab.on("console", (message) => problems.push(message.text()));
    tab.on("pageerror", (error) => problems.push(String(error)));
    await tab.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
    let workers = 0;
    tab.on("worker", () => workers++);
    await tab.goto(server.url);
    // A selector: the page's policy would not let a polled expression be evaluated.
    await tab.waitForSelector("html[data-shown]", { state: "attached" });
    assert.deepEqual(problems, []);
    return { ...JSON.parse(await tab.getAttribute("html", "data-shown")), workers };
  } finally {
    await browser.close();
    await server.close();
  }
}

/** All has loaded: no history gives the server's order, and some gives the model's. */
function assertWorks({ cold, warm, workers }, expected = 0) {
  assert.equal(workers, expected);
  const ids = stories.map((story) => story.id);
  assert.equal(cold.reason, "cold", JSON.stringify(cold));
  assert.equal(typeof cold.modelId, "string");
  assert.deepEqual(cold.ids, ids);
  assert.equal(warm.reason, "ranked", JSON.stringify(warm));
  assert.deepEqual(warm.ids.toSorted(), ids.toSorted());
}

describe("bundlers", () => {
  for (const worker of [0, 1]) {
    test(`webpack takes all files along without any setting, ${worker ? "and with" : "without"} a worker`, async () => {
      const folder = `webpack-${worker}`;
      await consumer.write("page.mjs", page(worker ? ", worker: true" : ""));
      const stats = await promised(
        webpack({
          context: consumer.folder,
          mode: "production",
          target: ["web", "es2022"],
          entry: "./page.mjs",
          experiments: { outputModule: true },
          output: { path: path.join(consumer.folder, folder), filename: "page.js", module: true },
        }),
      );
      assert.deepEqual([stats.errors, stats.warnings], [[], []]);
      const ends = stats.assets.map(({ name }) => path.extname(name)).sort();
      // The page's script; what a page asks for when it uses it: releases, consent platforms, words, a worker; and the worker's own.
      assert.deepEqual(ends, [".js", ".js", ".js", ".js", ".js", ".js", ".onnx", ".wasm"]);
      await consumer.write(`${folder}/index.html`, html("page.js"));
      assertWorks(await shown(path.join(consumer.folder, folder)), worker);
    });
  }

  test("webpack's scripts may be classic ones", async () => {
    await consumer.write("page-classic.mjs", page(", worker: true"));
    const stats = await promised(
      webpack({
        context: consumer.folder,
        mode: "production",
        entry: "./page-classic.mjs",
        output: { path: path.join(consumer.folder, "classic"), filename: "page.js" },
      }),
    );
    assert.deepEqual([stats.errors, stats.warnings], [[], []]);
    await consumer.write("classic/index.html", html("page.js").replace(' type="module"', " defer"));
    assertWorks(await shown(path.join(consumer.folder, "classic")), 1);
  });

  for (const worker of [0, 1]) {
    test(`esbuild does with the files' URLs and hashes given, ${worker ? "and with" : "without"} a worker`, async () => {
      const dist = path.join(consumer.folder, "node_modules/nearside/dist");
      const options = `, wasmUrl, wasmIntegrity: "${integrity(path.join(dist, "nearside_bg.wasm"))}",
        modelUrl, modelIntegrity: "${integrity(path.join(dist, "reranker.onnx"))}"${worker ? `, worker: true, workerUrl: "/worker.js"` : ""}`;
      const imports = `import wasmUrl from "nearside/nearside_bg.wasm"; import modelUrl from "nearside/reranker.onnx";`;
      await consumer.write("page-esbuild.mjs", page(options, imports));
      const { warnings } = await esbuild.build({
        absWorkingDir: consumer.folder,
        entryPoints: { "page-esbuild": "page-esbuild.mjs", worker: "nearside/worker.js" },
        outdir: "esbuild",
        ...{ bundle: true, minify: true, format: "esm", target: "es2022" },
        loader: { ".wasm": "file", ".onnx": "file" },
        publicPath: "/",
        logLevel: "silent",
      });
      assert.deepEqual(warnings, []);
      await consumer.write("esbuild/index.html", html("page-esbuild.js"));
      assertWorks(await shown(path.join(consumer.folder, "esbuild")), worker);
    });
  }

  test("without a bundler the package's files serve as they are, and the worker's script alone, too", async () => {
    await cp(
      path.join(consumer.folder, "node_modules/nearside/dist"),
      path.join(consumer.folder, "plain/nearside"),
      { recursive: true },
    );
    await cp(
      path.join(consumer.folder, "node_modules/idb-keyval/dist"),
      path.join(consumer.folder, "plain/idb-keyval"),
      {
        recursive: true,
      },
    );
    await cp(
      path.join(consumer.folder, "node_modules/nearside/dist/worker.js"),
      path.join(consumer.folder, "plain/copied.js"),
    );
    const map = JSON.stringify({
      imports: { nearside: "/nearside/index.js", "idb-keyval": "/idb-keyval/index.js" },
    });
    await consumer.write(
      "plain/index.html",
      `<!doctype html><meta charset="utf-8"><title>t</title><script type="importmap">${map}</script><script type="module" src="page.js"></script>\n`,
    );
    for (const options of [", worker: true", `, worker: true, workerUrl: "/copied.js"`]) {
      await consumer.write("plain/page.js", page(options));
      // An import map stands in the page itself, which the server's usual policy forbids.
      assertWorks(await shown(path.join(consumer.folder, "plain"), ""), 1);
    }
  });

  test("a bundle that imports nothing of it holds nothing of it", async () => {
    await consumer.write(
      "nothing.mjs",
      `import "nearside"; import { reasons } from "nearside"; globalThis.n = 1;`,
    );
    const { outputFiles } = await esbuild.build({
      absWorkingDir: consumer.folder,
      entryPoints: ["nothing.mjs"],
      ...{ bundle: true, minify: true, format: "esm", write: false, logLevel: "silent" },
    });
    assert.equal(outputFiles[0].text.trim(), "globalThis.n=1;");
  });
});

function promised(compiler) {
  return new Promise((settle, refuse) =>
    compiler.run((error, stats) =>
      compiler.close(() =>
        error
          ? refuse(error)
          : settle(stats.toJson({ all: false, assets: true, errors: true, warnings: true })),
      ),
    ),
  );
}
