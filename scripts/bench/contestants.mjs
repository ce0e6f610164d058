// Who is compared with whom, on what. A row of a table is an entry here.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../shell.mjs";

export const COUNTS = [20, 50, 100, 200];
/** Clicks of the reader. */
export const CLICKS = 50;
/** Candidates of the lists that cold starts rank. */
export const COLD_COUNT = 100;
export const CURVES = {
  candidates: [10, 20, 50, 100, 200, 500, 1000],
  clicks: [0, 1, 2, 5, 10, 20, 30, 40, 50],
  lengths: [0, 500, 2000, 8000],
};

export const MODELS = [
  {
    id: "shipped",
    name: "shipped model",
    path: "reranker.onnx",
    file: "models/reranker.onnx",
    shipped: true,
    curves: true,
  },
  {
    id: "attention-20k",
    name: "20,000 weights, target attention",
    path: "attention-20k.onnx",
    file: "tests/fixtures/attention-20k.onnx",
  },
  {
    id: "attention-48k",
    name: "48,000 weights, target attention",
    path: "attention-48k.onnx",
    file: "tests/fixtures/attention-48k.onnx",
    curves: true,
  },
];

const installed = (...path) => join(root, "benches/node_modules", ...path);

/**
 * Engines, the first being what the others are compared with. `entry`: its module under benches/; `wasm`: the file it needs, by the name
 * it has on the site; `converted`: it reads the converted weights.
 */
export function engines() {
  const core = join(root, ".cache/bench/core");
  const full = join(root, ".cache/bench/core-full");
  return [
    {
      id: "nearside",
      name: "Nearside, compact engine",
      entry: "engines/nearside.js",
      core,
      wasm: ["core.wasm", join(core, "nearside_bg.wasm")],
    },
    {
      id: "full",
      name: "Nearside, full flavour (tract)",
      entry: "engines/nearside.js",
      core: full,
      wasm: ["core-full.wasm", join(full, "nearside_bg.wasm")],
      missing: hasFull() ? undefined : "dist/full is not built",
    },
    {
      id: "onnxruntime",
      name: "onnxruntime-web (wasm, SIMD, one thread)",
      entry: "engines/onnxruntime.js",
      wasm: ["ort.wasm", installed("onnxruntime-web/dist/ort-wasm-simd-threaded.wasm")],
    },
    {
      id: "tensorflow",
      name: "TensorFlow.js (wasm, SIMD, one thread; graph by hand)",
      entry: "engines/tensorflow.js",
      converted: true,
      wasm: ["tensorflow.wasm", installed("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm")],
    },
  ];
}

/** Front pages that order a feed: feed in, order out. Those with an `engine` are given the features ready-made. */
export function products() {
  return [
    { id: "nearside", name: "Nearside", entry: "products/nearside.js" },
    {
      id: "full",
      name: "Nearside, full flavour",
      entry: "products/nearside.js",
      missing: hasFull() ? undefined : "dist/full is not built",
    },
    { id: "onnxruntime", name: "onnxruntime-web", entry: "products/engine.js", engine: "onnxruntime" },
    { id: "tensorflow", name: "TensorFlow.js", entry: "products/engine.js", engine: "tensorflow" },
    { id: "blend", name: "the blend in JavaScript", entry: "products/blend.js" },
  ];
}

export const hasFull = () => existsSync(join(root, "dist/full/nearside_bg.wasm"));

/** The files an engine loads for a model, by the names they have on the site. */
export const filesOf = (engine, model) => ({
  model: engine.converted ? model.path.replace(".onnx", ".weights") : model.path,
  wasm: engine.wasm[0],
});
