// Models that a publisher may serve, each with its right hash.

import { readFileSync } from "node:fs";
import { renamed, reshaped, reweighted } from "../onnx.mjs";
import { sha384 } from "../site.mjs";

const group = "model";
const shipped = readFileSync(new URL("../../../models/reranker.onnx", import.meta.url));

/** Hinges on the first feature, the mean cosine, that the golden case does not reach and this reader's stories do. */
const hinged = (bends) => {
  const gates = new Array(27).fill(0);
  gates[0] = gates[1] = 3e38;
  return reweighted(shipped, { gates, offsets: [-1.5e38, -1.5e38, 0], bends });
};

const row = (name, fault, reason, bytes, more) => ({
  group,
  name,
  fault,
  reason,
  files: { "/given.onnx": bytes },
  asks: /^\/(nearside_bg\.wasm|given\.onnx)$/,
  arg: sha384(bytes),
  page: (modelIntegrity) => {
    globalThis.row.options = () => ({ modelUrl: "/given.onnx", modelIntegrity });
  },
  ...more,
});

export const model = [
  row(
    "rewritten",
    "the shipped model, taken apart and put together: no fault",
    "ranked",
    reweighted(shipped, {}),
  ),
  row("malformed", "bytes that are no protocol buffer", "model_rejected", Buffer.from("this is no model")),
  row("empty", "no bytes at all", "model_rejected", Buffer.alloc(0)),
  row("half", "the first half of a model", "model_rejected", shipped.subarray(0, shipped.length >> 1)),
  row(
    "huge dimensions",
    "a tensor of 2^40 by 2^40 numbers",
    "model_rejected",
    reshaped(shipped, "gates", [2 ** 40, 2 ** 40]),
  ),
  row(
    "more numbers than bytes",
    "a tensor of 65,536 by 65,536 numbers",
    "model_rejected",
    reshaped(shipped, "gates", [65_536, 65_536]),
  ),
  row("unknown operator", "`Relu` is `Rela`", "model_unsupported", renamed(shipped, "Relu", "Rela")),
  row(
    "another model's golden case",
    "other weights under the golden case of the old ones",
    "model_rejected",
    (() => {
      const bytes = Buffer.from(shipped);
      bytes[shipped.indexOf("linear_qJ") + 10] ^= 0x40;
      return bytes;
    })(),
  ),
  row("infinite", "a score overflows for this reader's stories", "nonfinite", hinged([16, 0, 0])),
  row("NaN", "infinity less infinity for this reader's stories", "nonfinite", hinged([16, -16, 0])),
  row(
    "all scores equal",
    "every weight is 0: the server's order, ranked",
    "ranked",
    reweighted(shipped, { linear: 0, bends: [0, 0, 0] }),
    {
      unmoved: true,
    },
  ),
  row(
    "a module in its place",
    "the module's file as the model",
    "model_rejected",
    readFileSync(new URL("../../../dist/nearside_bg.wasm", import.meta.url)),
  ),
];
