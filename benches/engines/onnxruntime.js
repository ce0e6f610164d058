// onnxruntime-web: its smallest bundle, the `wasm` backend with SIMD, one thread.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

env.wasm.numThreads = 1;
env.logLevel = "error";

/** Starts the engine and loads a model. `exact`: dequantise the weights once, when loading. */
export async function load({ model, wasm, exact = true }) {
  const bytes = fetch(model).then((response) => response.arrayBuffer());
  env.wasm.wasmPaths = { wasm };
  const session = await InferenceSession.create(new Uint8Array(await bytes), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    // Else activations are quantised beside int8 weights: other scores, and slower (docs/bench.md).
    ...(exact ? { extra: { session: { disable_quant_qdq: "1" } } } : {}),
  });
  const wanted = session.inputNames;
  return {
    async score({ count, ...inputs }) {
      const feeds = {};
      for (const name of wanted) {
        const data = inputs[name];
        const rows = name.startsWith("history") ? inputs.history_weight.length : count;
        const dims = name === "history_weight" ? [rows] : [rows, data.length / rows];
        feeds[name] = new Tensor("float32", data, dims);
      }
      const { score } = await session.run(feeds);
      return score.data;
    },
  };
}
