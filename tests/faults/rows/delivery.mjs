// What networks, servers and those in between do to the package's files.

const group = "delivery";
const wasm = "/nearside_bg.wasm";
const model = "/reranker.onnx";

const row = (name, fault, reason, more) => ({ group, name, fault, reason, ...more });

export const delivery = [
  row("no fault", "nothing is wrong: what every other row is compared with", "ranked"),
  row("wasm 404", "the server answers 404 for the module", "load_failed", { faults: () => ({ [wasm]: "404" }) }),
  row("model 404", "the server answers 404 for the model", "load_failed", { faults: () => ({ [model]: "404" }) }),
];
