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

/** Stories one after another: a topic each, and a vector near the topic's. */
function* stories(seed) {
  const next = generator(seed);
  // The topics lie where they lie, whatever the seed of the stories.
  const place = generator(1);
  const centres = topics.map(() => Array.from({ length: dimension }, () => place() * 2 - 1));
  for (let i = 0; ; i++) {
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

/** A JSON Feed of `count` stories at the time `now`. The first is pinned. */
export function makeFeed(count, space, now) {
  const items = Array.from(stories(2).take(count), ({ id, age, ...extension }, i) => ({
    id,
    url: id,
    title: `What became of story number ${i}`,
    date_published: new Date(now - age).toISOString(),
    _nearside: { ...extension, ...(i === 0 ? { pinned: true } : {}) },
  }));
  // As it comes over the wire.
  return JSON.parse(JSON.stringify({ title: "Benchmark", items, _nearside: { space } }));
}

/** Records a full history in a core: 50 clicks, 300 views and 5 hides in the 20 days before `now`. */
export function read(core, now) {
  const next = generator(4);
  let i = 0;
  for (const { id, topic, subtopic, vector } of stories(3).take(300)) {
    const at = now - 20 * day * (1 - i / 300);
    core.viewed(id, topic, at);
    if (i % 6 === 0) {
      core.clicked(id, topic, subtopic, vector, at + 5_000);
      core.dwelled(id, 90 * next(), at + 100_000);
    }
    if (i % 60 === 1) core.hide(id, topic, vector, at + 5_000);
    i++;
  }
}
