// Ranks the corpus of tests/fixtures/determinism.json with the shipped files, in Node or a browser: what tests/determinism.rs does natively.

import { toColumns } from "../../dist/candidates.js";
import { Core } from "../../dist/core.js";
import { glue } from "../../dist/default-flavour.js";
import { checked } from "../../dist/score.js";
import { events } from "../../dist/wire.js";

const kinds = Object.keys(events);

/** The default policy, as the core takes it. */
const policy = Float64Array.of(0.8, Number.NaN, 2, 10, Number.NaN, Number.NaN);

/**
 * The SHA-256 of all rankings for each model, as hexadecimal digits; tests/determinism.rs says of what. `read` gives the bytes of
 * a file of the repository.
 */
export async function hashes(read, models) {
  glue.start({ module: await WebAssembly.compile(await read("dist/nearside_bg.wasm")) });
  const corpus = JSON.parse(new TextDecoder().decode(await read("tests/fixtures/determinism.json")));
  const found = {};
  for (const model of models) found[model] = await hash(corpus, await read(model));
  return found;
}

async function hash({ articles, pages }, model) {
  const readers = new Map();
  const parts = [];
  for (const { reader, now, events, items } of pages) {
    if (!readers.has(reader)) readers.set(reader, checked(new Core(glue, model)));
    const core = readers.get(reader);
    for (const [kind, article, at, seconds = 0] of events) {
      const [id, topic, subtopic, vector] = articles[article];
      core.record({ kind: kinds[kind], id, topic, subtopic, vector, seconds, at });
    }
    const columns = toColumns(
      items.map((item) => candidate(articles, item)),
      undefined,
    );
    const { order, weight, rows } = core.rank(columns, "", policy, now);
    parts.push(order, Float32Array.of(weight), rows);
  }
  const width = checked(new Core(glue, model)).describe().names.length + 3;
  // The core's explanations end each row with what bound the item, which the hash leaves out: the order has it.
  const rows = parts.map((part, i) =>
    i % 3 === 2 ? part.filter((_, at) => at % width !== width - 1) : part,
  );
  for (const core of readers.values()) core.free();
  const bytes = await new Blob(rows).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The item of a feed. */
function candidate(articles, [article, shows, clicks]) {
  const [id, topic, subtopic, vector, published] = articles[article];
  const known = Object.entries({ topic, subtopic, vector }).filter(([, value]) => value !== "");
  return {
    id,
    ...(published === null ? {} : { date_published: new Date(published).toISOString() }),
    _nearside: { ...Object.fromEntries(known), shows, clicks },
  };
}
