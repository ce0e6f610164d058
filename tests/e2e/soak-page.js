// What the soak does inside the page: lists of every size and kind, ranked, read, clicked and explained. Chromium loads this file.

const topics = ["sports", "science", "politics", "culture", "business", "travel", "météo", "天気"];
const policies = [
  {},
  { strength: 3, maximumDisplacement: Number.POSITIVE_INFINITY },
  { topicCap: { limit: 2, window: 5 } },
  { strength: 1.5, minimumEvidence: 0, maximumDisplacement: 3, topicCap: { limit: 1, window: 3 } },
];
/** No list's columns are larger than this one's: 200 stories count, and a text of 1,024 is the longest taken for a vector. */
const greatest = { size: 320, every: 50 };

function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function base64(next, centre) {
  const bytes = centre.map((value) => Math.max(-128, Math.min(127, Math.round(value + 40 * (next() - 0.5)))));
  return btoa(String.fromCharCode(...Uint8Array.from(bytes)));
}

function vectorsOf(next) {
  return topics.map(() => {
    const centre = Array.from({ length: 64 }, () => (next() - 0.5) * 180);
    return Array.from({ length: 60 }, () => base64(next, centre));
  });
}

/** Makes lists, each anew: its size, ids, vectors and faults differ from the last one's. */
class Newsroom {
  constructor(seed) {
    this.next = generator(seed);
    this.vectors = vectorsOf(this.next);
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  story(number) {
    const topic = this.below(topics.length);
    const kind = this.next();
    return {
      id: kind < 0.05 ? number : `${"story-é-".slice(0, 1 + this.below(8))}${number}`,
      title: `Story ${number}`,
      date_published: kind > 0.98 ? "yesterday" : new Date(Date.now() - number * 10_000).toISOString(),
      _nearside: {
        topic: kind > 0.96 && kind < 0.98 ? undefined : topics[topic],
        subtopic: this.next() < 0.7 ? `${topics[topic]}-${this.below(9)}` : undefined,
        vector: kind < 0.02 ? "A".repeat(this.below(1000)) : this.vectors[topic][this.below(60)],
        ...(this.next() < 0.9 ? { shows: 1000, clicks: this.below(80) } : { score: this.next() - 2 }),
        ...(kind > 0.1 && kind < 0.13 ? { pinned: true } : {}),
        ...(kind > 0.13 && kind < 0.15 ? { personalize: false } : {}),
      },
    };
  }

  list(size) {
    const first = this.below(5000);
    return Array.from({ length: size }, (_, i) => this.story(first + i));
  }

  /** The list of one ranking, counted from 0. `sound`: the core gets it. */
  of(ranking, sound) {
    if (ranking % greatest.every === 0) {
      const items = this.list(greatest.size);
      for (const [i, item] of items.entries()) {
        item.id = `${i}-`.padEnd(120, "x");
        item._nearside.subtopic = "x".repeat(100);
        if (i % 2) item._nearside.vector = "A".repeat(1024);
      }
      return items;
    }
    const size =
      this.next() < 0.05 ? 200 + this.below(100) : this.below(2) ? this.below(25) : 25 + this.below(60);
    const items = this.list(Math.max(size, 1));
    if (sound || this.next() > 0.03) return { items, _nearside: {} };
    // What is refused: the same id twice, another vector space, no list at all.
    return [[...items, items[0]], { items, _nearside: { space: "another" } }, 7][this.below(3)];
  }
}

/** One reader, who may go on with another reranker of the same page. */
class Reader {
  constructor(make, { sound = false } = {}) {
    this.make = make;
    this.sound = sound;
    this.tally = {};
    this.rankings = 0;
    this.newsroom = new Newsroom(7);
  }

  async open(policy) {
    this.reranker?.dispose();
    this.reranker = this.make({
      policy,
      onOutcome: ({ reason }) => {
        this.tally[reason] = (this.tally[reason] ?? 0) + 1;
      },
    });
    await this.reranker.ready;
  }

  /** Ranks as often as that, with all that a reader does in between. */
  async rank(times) {
    const { newsroom } = this;
    for (let i = 0; i < times; i++) {
      const ranking = this.rankings++;
      if (ranking % 250 === 0 && !this.sound) await this.open(policies[(ranking / 250) % policies.length]);
      const given = newsroom.of(ranking, this.sound);
      const { items, outcome } = await this.reranker.rank(given, { budgetMs: 5000 });
      this.last = outcome.reason;
      if (items.length > 0 && given !== 7) await this.read(items, ranking);
    }
  }

  async read(items, ranking) {
    const { newsroom, reranker } = this;
    const any = () => items[newsroom.below(items.length)];
    for (const item of items.slice(0, newsroom.below(12))) reranker.viewed(item);
    for (let i = 0; i < 3; i++) reranker.explain(any().id);
    if (ranking % 5 === 0) {
      const opened = any();
      reranker.clicked(opened);
      if (newsroom.below(2)) reranker.dwelled(opened, newsroom.below(300));
    }
    if (ranking % 40 === 0) reranker.hide(any());
    if (ranking % 80 === 0) reranker.unhide(any());
    if (ranking % 10 === 0) reranker.stored();
    if (ranking % 2000 === 1999) await reranker.erase();
  }

  /** Makes what is remembered the same whenever this has run: a reranker keeps its last sixteen lists. */
  async settle() {
    const same = new Newsroom(11);
    for (let i = 0; i < 16; i++) await this.reranker.rank(same.list(50), { budgetMs: 5000 });
    // Longer than a store may take.
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}

/** A frame with the package of its own, as a page view has; it answers with its window. */
function openFrame() {
  return new Promise((resolve, reject) => {
    const frame = document.createElement("iframe");
    frame.src = "/";
    frame.onload = () => {
      const window = frame.contentWindow;
      if (window.nearside) resolve({ frame, window });
      else reject(new Error("the frame has no package"));
    };
    document.body.append(frame);
  });
}

/**
 * One page view in a frame, in a build whose every `every`-th ranking traps: one reranker to the first trap, a fresh one on the
 * second instance to the second, and one more, for which there is none. `pause` is awaited on the second instance.
 * Returns how often each reason came.
 */
async function trapTwice(options, pause) {
  localStorage.clear(); // else the breaker switches the model off in the fourth page view
  const { frame, window } = await openFrame();
  const { createReranker, MemoryStore, trapEvery } = window.nearside;
  const tally = {};
  const expect = (reader, reason) => {
    if (reader.last !== reason) throw new Error(`a ranking came to ${reader.last} in place of ${reason}`);
  };
  const fresh = async () => {
    const make = (more) => createReranker({ consent: true, store: new MemoryStore(), ...options, ...more });
    const reader = new Reader(make, { sound: true });
    reader.tally = tally;
    await reader.open();
    return reader;
  };
  for (const round of [0, 1]) {
    const reader = await fresh();
    await reader.rank(1);
    if (round === 1) await pause?.();
    await reader.rank(trapEvery() - 1);
    expect(reader, "trap");
    reader.reranker.dispose();
  }
  const last = await fresh();
  await last.rank(1);
  expect(last, "trap");
  last.reranker.dispose();
  frame.remove();
  // Each frame is an entry otherwise, until 250 are kept.
  performance.clearResourceTimings();
  return tally;
}

Object.assign(globalThis, { soak: { Reader, trapTwice } });
