import type { Glue } from "./core.js";
import type { Flavour } from "./flavour.js";
import { glueIntegrity, modelIntegrity, version, wasmIntegrity } from "./integrity.js";
import { __wbg_reset_state, Core, initSync } from "./nearside.js";
import { knownContract } from "./wire.js";

export const glue: Glue = { Core, start: initSync, renew: __wbg_reset_state };

/** The compact engine. Bundlers know the words of the addresses, and take the files along. */
export const flavour: Flavour = {
  glue,
  wasmUrl: () => new URL("./nearside_bg.wasm", import.meta.url),
  modelUrl: () => new URL("./reranker.onnx", import.meta.url),
  ...{ wasmIntegrity, modelIntegrity, glueIntegrity, version },
  contract: knownContract,
  remote: () => import("./default-remote.js"),
};
