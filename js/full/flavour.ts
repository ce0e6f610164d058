import { apart } from "../apart.js";
import type { Core } from "../core.js";
import type { Flavour } from "../flavour.js";
import { Refusal } from "../refusal.js";
import type { Reranker } from "../types.js";
import { knownContract } from "../wire.js";
import { glueIntegrity, modelIntegrity, version, wasmIntegrity } from "./integrity.js";
import { __wbg_reset_state, Core as FullCore, initSync } from "./nearside.js";
import type { Inspection } from "./types.js";

/** What a reranker of this flavour has beside the members of all. */
export interface Inspecting {
  /**
   * What the model is and what its last ranking came to; `undefined` before loading has ended, without consent, after `dispose`,
   * and with `worker: true`, where the model is out of the page's reach.
   * For an engineer: it runs the model once for each feature. Never rejects.
   */
  inspect(): Promise<Inspection | undefined>;
}

const sha384 = /^sha384-[A-Za-z0-9+/]{64}$/;

/** tract, which runs any ONNX model. It is only ever given bytes whose hash was checked. */
export const flavour: Flavour<Inspecting> = {
  glue: { Core: FullCore, start: initSync, renew: __wbg_reset_state },
  wasmUrl: () => new URL("./nearside_bg.wasm", import.meta.url),
  modelUrl: () => new URL("../reranker.onnx", import.meta.url),
  ...{ wasmIntegrity, modelIntegrity, glueIntegrity, version },
  contract: knownContract,
  remote: () => import("./remote.js"),
  checkModel(source, integrity) {
    const isChecked = typeof integrity === "string" && sha384.test(integrity);
    if (source !== undefined && source !== null && !isChecked)
      throw new Refusal(
        "integrity",
        "nearside/full runs a model only with modelIntegrity, its hash, sha384-…",
      );
  },
  extend(reranker, look) {
    const full = reranker as Reranker & Inspecting;
    full.inspect = async () => {
      const inspection = look(inspect);
      return inspection && apart(inspection, "then");
    };
    return full;
  },
};

function inspect({ glue }: Core): Inspection | undefined {
  return (glue as FullCore).inspect() as Inspection | undefined;
}
