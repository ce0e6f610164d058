// The compact engine, from a build with the feature `bench`: the package has no entry for the engine alone.

import start, { Engine } from "nearside/core";

/** Starts the engine and loads a model, which runs its golden case. */
export async function load({ model, wasm }) {
  const bytes = fetch(model).then((response) => response.arrayBuffer());
  const { memory } = await start({ module_or_path: fetch(wasm) });
  const engine = new Engine(new Uint8Array(await bytes));
  return {
    score: ({ features, candidates, history, history_weight }) =>
      engine.score(features, candidates, history, history_weight),
    memory: () => memory.buffer.byteLength,
  };
}
