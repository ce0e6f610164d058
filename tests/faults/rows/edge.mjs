// What a cache in front of the server makes of its answers.

import * as spoil from "../spoil.mjs";

const group = "edge";
const all = (how) => () => ({ "/nearside_bg.wasm": how, "/reranker.onnx": how });
const row = (name, fault, reason, how, more) => ({ group, name, fault, reason, faults: all(how), ...more });

export const edge = [
  row("compressed", "gzip, and said so", "ranked", spoil.compressed),
  row(
    "compressed twice",
    "a cache compresses what was compressed already",
    "integrity",
    spoil.compressedTwice,
  ),
  row(
    "missing Vary",
    "brotli for a browser that did not ask for it, and does not hear of it",
    "integrity",
    spoil.unlabelled,
  ),
  row(
    "label without compression",
    "`content-encoding: gzip` over plain bytes",
    "load_failed",
    spoil.mislabelled,
    // WebKitGTK takes what cannot be unpacked as it is.
    { webkit: { reason: "ranked" } },
  ),
];
