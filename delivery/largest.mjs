// How long the largest list takes a model: the most stories that are ranked, for a reader with the longest history.

import { Stop } from "./terminal.mjs";

/** The most milliseconds that it may take where a release is made; a phone may take ten times as long. */
export const MOST_MS = 10;
const [STORIES, CLICKS, DIMENSION] = [200, 50, 64];
const ROUNDS = 20;
const NOW = Date.UTC(2026, 0, 15);

/**
 * The milliseconds of the quickest of a few rankings, so that what else a machine does counts little.
 *
 * `core` has a model that passed its golden case; `policy` is the SDK's `readPolicy`.
 */
export function timeLargest(core, readPolicy) {
  const stories = Array.from({ length: STORIES }, (_, at) => story(at));
  for (const { id, topic, subtopic, vector, at } of stories.slice(0, CLICKS))
    core.record({
      kind: "clicked",
      id,
      topic,
      subtopic,
      vector,
      seconds: 0,
      at: NOW - (CLICKS - at) * 60_000,
    });
  const parts = stories.flatMap(({ id, topic, subtopic, vector }) => [id, topic, subtopic, vector]);
  const text = new TextEncoder().encode(parts.join(""));
  const lengths = Uint32Array.from(parts, (part) => part.length);
  const numbers = Float64Array.from(stories.flatMap(({ at }) => [NOW - at * 600_000, 1000, at, Number.NaN]));
  const columns = { text, lengths, numbers, flags: new Uint8Array(STORIES) };
  const policy = readPolicy({ minimumEvidence: 0 });
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    const { reason } = core.rank(columns, "", policy, NOW);
    least = Math.min(least, performance.now() - began);
    if (reason !== "ranked") throw new Stop("The model does not rank the largest list.");
  }
  return least;
}

/** A story with a vector of its own. */
function story(at) {
  const bytes = Int8Array.from({ length: DIMENSION }, (_, i) => ((at * 7919 + i * 104_729) % 255) - 127);
  return {
    at,
    id: `story-${at}`,
    topic: `topic-${at % 12}`,
    subtopic: `part-${at % 30}`,
    vector: Buffer.from(bytes.buffer).toString("base64"),
  };
}
