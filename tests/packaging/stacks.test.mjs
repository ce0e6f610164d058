// What publishers build and test with: the package must rank there as it comes, or say in a message what it needs.

import assert from "node:assert/strict";
import { copyFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import * as esbuild from "esbuild";
import webpack from "webpack";
import { makeConsumer } from "./consumer.mjs";
import { html, outcomeOf, readmePolicy, script } from "./page.mjs";
import { ensureStack, makeProject, run } from "./stacks.mjs";

let consumer;
before(async () => {
  consumer = await makeConsumer();
});
after(() => consumer?.remove());

const dist = (name) => path.join(consumer.folder, "node_modules/nearside/dist", name);

function assertRanked(outcome, workers = 0) {
  assert.equal(outcome.reason, "ranked", outcome.message);
  assert.equal(outcome.workers, workers);
}

describe("Vite", () => {
  let vite;
  before(async () => {
    vite = await ensureStack("vite");
  });
  const project = (name, options, more = {}) =>
    makeProject(consumer, name, {
      "index.html": html("/main.js"),
      "main.js": script(options),
      ...more,
    });
  const bin = (version) => path.join(vite, "node_modules", version, "bin/vite.js");

  for (const version of ["vite5", "vite7", "vite8"]) {
    for (const worker of version === "vite7" ? [0] : [0, 1]) {
      test(`${version}: a build without settings ranks under README's policy, ${worker ? "in a worker" : "on the page"}`, async () => {
        const folder = await project(`${version}-${worker}`, worker ? ", worker: true" : "");
        const { code, output } = await run(folder, [bin(version), "build", "--logLevel", "warn"]);
        assert.equal(code, 0, output);
        // The model is written into the script, as Vite does with what is small.
        const names = await readdir(path.join(folder, "dist/assets"));
        assert.ok(
          names.some((name) => name.endsWith(".wasm")) && !names.some((name) => name.endsWith(".onnx")),
          names.join(),
        );
        assertRanked(await outcomeOf(path.join(folder, "dist")), worker);
      });
    }
  }

  test("a build with a relative base, or that writes files of any size into the script, ranks", async () => {
    const folder = await project("vite-base", "");
    for (const [out, more] of [
      ["relative", ["--base", "./"]],
      ["inlined", ["--assetsInlineLimit", "9999999"]],
      ["apart", ["--assetsInlineLimit", "0"]],
    ]) {
      const { code, output } = await run(folder, [
        bin("vite8"),
        "build",
        "--logLevel",
        "warn",
        "--outDir",
        out,
        ...more,
      ]);
      assert.equal(code, 0, output);
      assertRanked(await outcomeOf(path.join(folder, out)));
    }
  });

  for (const version of ["vite5", "vite8"]) {
    test(`${version}: its development server ranks where README's setting is made, and else says what is wrong`, async () => {
      const bare = await project(`${version}-bare`, "");
      const set = await project(`${version}-set`, "", {
        "vite.config.mjs": `export default { optimizeDeps: { exclude: ["nearside"] } };\n`,
      });
      const { createServer: createVite } = await import(
        path.join(vite, `node_modules/${version}/dist/node/index.js`)
      );
      const at = async (folder) => {
        const server = await createVite({
          root: folder,
          logLevel: "silent",
          cacheDir: path.join(folder, ".vite"),
          server: { port: 0, host: "127.0.0.1" },
        });
        try {
          await server.listen();
          return await outcomeOf(`http://127.0.0.1:${server.httpServer.address().port}/`);
        } finally {
          await server.close();
        }
      };
      assertRanked(await at(set));
      const outcome = await at(bare);
      if (outcome.reason !== "ranked") {
        assert.equal(outcome.reason, "load_failed", outcome.message);
        assert.match(outcome.message, /a page of HTML.*nearside_bg\.wasm/);
      }
    });
  }
});

describe("Parcel", () => {
  const build = async (name, settings) => {
    const parcel = await ensureStack("parcel");
    const folder = await makeProject(consumer, name, {
      "index.html": html("./main.js"),
      "main.js": script(),
      "package.json": JSON.stringify({ name: "page", private: true, ...settings }),
    });
    const args = ["build", "index.html", "--no-autoinstall", "--no-cache", "--no-source-maps"];
    const { code, output } = await run(folder, [
      path.join(parcel, "node_modules/parcel/lib/bin.js"),
      ...args,
    ]);
    assert.equal(code, 0, output);
    return path.join(folder, "dist");
  };

  test("resolves the package, heeding its exports or not, and the page ranks", async () => {
    for (const [name, settings] of [
      ["parcel-fields", {}],
      ["parcel-exports", { "@parcel/resolver-default": { packageExports: true } }],
    ]) {
      const folder = await build(name, settings);
      const ends = (await readdir(folder)).map((file) => path.extname(file));
      assert.ok(ends.includes(".wasm") && ends.includes(".onnx"), ends.join());
      // Parcel writes an inline import map into the page, which a policy must allow by its hash.
      assertRanked(await outcomeOf(folder, { policy: "" }));
    }
  });
});

describe("Jest", () => {
  const testOf = (load) => `${load}
    test("answers", async () => {
      const items = [{ id: "a" }, { id: "b", _nearside: { topic: "t" } }];
      const reranker = createReranker({ consent: true });
      reranker.clicked(items[1]);
      const list = document.createElement("div");
      list.innerHTML = '<p data-nearside-id="a"></p><p data-nearside-id="b"></p>';
      document.body.append(list);
      reranker.watch(list);
      const { items: ordered, outcome } = await reranker.rank(items, { budgetMs: 5000 });
      expect(ordered).toEqual(items);
      expect(["load_failed", "unsupported"]).toContain(outcome.reason);
      expect(outcome.message).toBeTruthy();
      expect(reranker.apply(list, ordered).reason).toBe("applied");
      expect(reranker.apply(list, [...ordered].reverse()).reason).toBe("applied");
      expect(list.firstChild.getAttribute("data-nearside-id")).toBe("b");
      await reranker.ready;
      reranker.dispose();
    });`;
  const jest = async (folder, settings, environment = {}) => {
    const stack = await ensureStack("jest");
    const config = JSON.stringify({
      rootDir: folder,
      testEnvironment: path.join(stack, "node_modules/jest-environment-jsdom"),
      cacheDirectory: path.join(folder, "cache"),
      ...settings,
    });
    return run(
      folder,
      [path.join(stack, "node_modules/jest/bin/jest.js"), "--config", config, "--ci"],
      environment,
    );
  };

  for (const entry of ["nearside", "nearside/full"]) {
    test(`jsdom imports ${entry} as it comes, and a ranking there answers`, async () => {
      const folder = await makeProject(consumer, `jest-${entry.replace("/", "-")}`, {
        "package.json": `{ "name": "page", "private": true }`,
        "require.test.js": testOf(`const { createReranker } = require("${entry}");`),
        "fake.test.js": testOf(`jest.useFakeTimers(); const { createReranker } = require("${entry}");`),
      });
      const { code, output } = await jest(folder, {});
      assert.equal(code, 0, output);
      assert.match(output, /2 passed, 2 total/);
    });
  }

  test("jsdom imports it as a module, too", async () => {
    const folder = await makeProject(consumer, "jest-module", {
      "package.json": `{ "name": "page", "private": true, "type": "module" }`,
      "module.test.js": testOf(`import { createReranker } from "nearside";`),
    });
    const { code, output } = await jest(
      folder,
      { transform: {} },
      { NODE_OPTIONS: "--experimental-vm-modules" },
    );
    assert.equal(code, 0, output);
    assert.match(output, /1 passed, 1 total/);
  });
});

describe("esbuild", () => {
  const build = async (name, format) => {
    const folder = await makeProject(consumer, name, {
      "main.js": script(),
      "out/index.html": html("page.js", format === "esm" ? 'type="module"' : "defer"),
    });
    await esbuild.build({
      absWorkingDir: folder,
      entryPoints: { page: "main.js" },
      outdir: "out",
      ...{ bundle: true, format, logLevel: "silent" },
    });
    return path.join(folder, "out");
  };

  test("a bundle without options says which files to copy, and ranks once they lie beside it", async () => {
    const folder = await build("esbuild-esm", "esm");
    for (const copied of [[], ["nearside_bg.wasm"]]) {
      for (const name of copied) await copyFile(dist(name), path.join(folder, name));
      const { reason, message, asked } = await outcomeOf(folder);
      assert.equal(reason, "load_failed");
      for (const word of ["status 404", "copy", "nearside_bg.wasm", "reranker.onnx", "wasmUrl", "modelUrl"])
        assert.ok(message.includes(word), message);
      for (const name of ["/nearside_bg.wasm", "/reranker.onnx"])
        assert.ok(asked.filter((one) => one === name).length <= 3, asked.join());
    }
    await copyFile(dist("reranker.onnx"), path.join(folder, "reranker.onnx"));
    assertRanked(await outcomeOf(folder));
  });

  test("where a server has a page for whatever it lacks, the message says so", async (t) => {
    const folder = await build("esbuild-spa", "esm");
    const { readFile } = await import("node:fs/promises");
    const server = createServer(async (request, response) => {
      const isScript = request.url === "/page.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(await readFile(path.join(folder, isScript ? "page.js" : "index.html")));
    });
    await new Promise((settle) => server.listen(0, "127.0.0.1", settle));
    t.after(() => server.close());
    const { reason, message } = await outcomeOf(`http://127.0.0.1:${server.address().port}/`);
    assert.equal(reason, "load_failed");
    assert.match(message, /a page of HTML; copy .*nearside_bg\.wasm/);
  });

  test("a classic script does not know its address: the message says what to set, and set it ranks", async () => {
    const { reason, message } = await outcomeOf(await build("esbuild-iife", "iife"));
    assert.equal(reason, "load_failed");
    for (const word of [
      "does not know its address",
      "nearside_bg.wasm",
      "reranker.onnx",
      "wasmUrl",
      "modelUrl",
    ])
      assert.ok(message.includes(word), message);
    const folder = await makeProject(consumer, "esbuild-set", {
      "main.js": script(`, wasmUrl: "/assets/w.wasm", modelUrl: "/assets/m.onnx"`),
      "out/index.html": html("page.js", "defer"),
      "out/assets/empty": "",
    });
    await esbuild.build({
      absWorkingDir: folder,
      entryPoints: { page: "main.js" },
      outdir: "out",
      ...{ bundle: true, format: "iife", logLevel: "silent" },
    });
    await copyFile(dist("nearside_bg.wasm"), path.join(folder, "out/assets/w.wasm"));
    await copyFile(dist("reranker.onnx"), path.join(folder, "out/assets/m.onnx"));
    assertRanked(await outcomeOf(path.join(folder, "out")));
  });
});

describe("webpack", () => {
  const build = async (name, text, output = {}, entry = "./main.js") => {
    const folder = await makeProject(consumer, name, {
      [entry]: text,
      "out/index.html": html("page.js", "defer"),
    });
    await new Promise((settle, refuse) =>
      webpack({
        context: folder,
        mode: "production",
        entry,
        output: { path: path.join(folder, "out"), filename: "page.js", ...output },
      }).run((error, stats) =>
        error || stats.hasErrors() ? refuse(error ?? new Error(String(stats))) : settle(),
      ),
    );
    return path.join(folder, "out");
  };

  test("under Trusted Types a worker needs webpack's policy, and the message says so", async () => {
    const types = (names) => `${readmePolicy}; require-trusted-types-for 'script'; trusted-types ${names}`;
    const without = await build("webpack-types", script(", worker: true"));
    const { reason, message } = await outcomeOf(without, { policy: types("'none'") });
    assert.equal(reason, "load_failed");
    assert.match(message, /Trusted Types.*output\.trustedTypes/);
    const with_ = await build("webpack-policy", script(", worker: true"), { trustedTypes: "webpack" });
    assertRanked(await outcomeOf(with_, { policy: types("webpack") }), 1);
  });

  test("`require` takes the modules, too, and their files along", async () => {
    const text = script().replace(/import (.*) from ("nearside")/, "const $1 = require($2)");
    assert.ok(text.startsWith("const {"));
    assertRanked(await outcomeOf(await build("webpack-require", text, {}, "./main.cjs")));
  });
});
