// Runs in the browser: ranks prepared impressions with the shipped files and gives one line for each, as
// examples/rank_impressions.rs prints them.

import { toColumns } from "../../dist/candidates.js";
import { Core } from "../../dist/core.js";
import { glue } from "../../dist/default-flavour.js";
import { tell } from "../../dist/event.js";

/** `base`: where the wasm, the model and the prepared folders are served. */
globalThis.rankImpressions = async (base, folders) => {
  glue.start({ module: await WebAssembly.compileStreaming(fetch(`${base}/nearside_bg.wasm`)) });
  const model = new Uint8Array(await (await fetch(`${base}/reranker.onnx`)).arrayBuffer());
  const text = async (path) => (await fetch(`${base}/${path}`)).text();
  const lines = [];
  for (const folder of folders) {
    const articles = JSON.parse(await text(`${folder}/articles.json`));
    const impressions = (await text(`${folder}/impressions.jsonl`)).trimEnd().split("\n");
    for (const impression of impressions) lines.push(...rank(model, articles, JSON.parse(impression)));
  }
  return lines;
};

const weightBits = (weight) => new Uint32Array(Float32Array.of(weight).buffer)[0];

function rank(model, articles, { id, now, candidates, history }) {
  const core = new Core(glue, model);
  core.check();
  for (const [article, ms] of history) {
    const { topic, subtopic, vector } = articles[article];
    tell(
      core,
      { kind: "clicked", id: article, topic, subtopic, vector, space: "", seconds: 0, at: ms },
      "",
      "",
    );
  }
  const items = candidates.map((article) => ({ id: article, _nearside: articles[article] }));
  const columns = toColumns(items, undefined);
  const lines = [10, Number.POSITIVE_INFINITY].map((displacement) => {
    const policy = Float64Array.of(0.8, Number.NaN, 2, displacement, Number.NaN, Number.NaN);
    const { order, reason, weight } = core.rank(columns, "", policy, now);
    return `${id} ${reason} ${weightBits(weight)} ${order.join(",")}`;
  });
  core.free();
  return lines;
}
