// Lists and readers for benchmarks: always the same for a seed, of the sizes and lengths that a front page has.

const dimension = 64;
const day = 86_400_000;
const topics = ["world", "politics", "business", "science", "sports", "culture", "health", "travel"];
const subtopics = ["analysis", "explained", "interviews", "local"];

/** Numbers in [0, 1) (Mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` stories: a topic each, and a vector near the topic's. */
function* stories(seed, count) {
  const next = generator(seed);
  // The topics lie where they lie, whatever the seed of the stories.
  const place = generator(1);
  const centres = topics.map(() => Array.from({ length: dimension }, () => place() * 2 - 1));
  for (let i = 0; i < count; i++) {
    const topic = Math.floor(next() * topics.length);
    const shows = Math.floor(next() * 20_000);
    yield {
      id: `https://news.example/2026/${seed}/story-${i}`,
      topic: topics[topic],
      subtopic: subtopics[Math.floor(next() * subtopics.length)],
      vector: btoa(
        String.fromCharCode(...centres[topic].map((x) => Math.round(60 * x + 80 * next() - 40) & 255)),
      ),
      age: next() * 3 * day,
      shows,
      clicks: Math.floor(shows * next() * 0.15),
    };
  }
}

/** A JSON Feed of `count` stories at the time `now`, as text; each story with `length` characters that ranking does not read. */
export function feedText(count, space, now, length = 0) {
  const items = Array.from(stories(2, count), ({ id, age, ...extension }, i) => ({
    id,
    url: id,
    title: `What became of story number ${i}`,
    ...(length > 0
      ? { content_text: "Lorem ipsum dolor sit amet ".repeat(length / 27 + 1).slice(0, length) }
      : {}),
    date_published: new Date(now - age).toISOString(),
    _nearside: extension,
  }));
  return JSON.stringify({ title: "Benchmark", items, _nearside: { space } });
}

/** The same, as it is once it came over the wire. */
export const makeFeed = (...about) => JSON.parse(feedText(...about));

/**
 * What a reader did in the 20 days before `now`: 300 views, `clicks` of them opened, 5 hidden. In turn `{ kind, item, seconds, at }`
 * with `kind` one of the SDK's events.
 */
export function* events(now, clicks = 50) {
  const next = generator(4);
  let i = 0;
  let opened = 0;
  for (const { id, ...extension } of stories(3, 300)) {
    const at = now - 20 * day * (1 - i / 300);
    const item = { id, _nearside: extension };
    yield { kind: "viewed", item, at };
    if (i % 6 === 0 && opened < clicks) {
      opened++;
      yield { kind: "clicked", item, at: at + 5_000 };
      yield { kind: "dwelled", item, seconds: 90 * next(), at: at + 100_000 };
    }
    if (i % 60 === 1) yield { kind: "hide", item, at: at + 5_000 };
    i++;
  }
}

/** Records a reader's events in a core, each at its time. */
export function read(core, now, clicks) {
  for (const { kind, item, seconds, at } of events(now, clicks)) {
    const { topic, subtopic, vector } = item._nearside;
    core.record({ kind, id: item.id, topic, subtopic, vector, seconds: seconds ?? 0, at });
  }
}
