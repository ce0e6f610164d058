import { idOf, subjectOf } from "./candidates.js";
import type { List } from "./list.js";
import type { Scored } from "./score.js";
import type { Bound, Explanation } from "./types.js";
import { bounds, maxRanked } from "./wire.js";

/** What the core said of a ranking: a trap later cannot take it away. */
export interface Answer extends Scored {
  /** Names of the features. */
  readonly names: readonly string[];
}

/** A story of a list: what an event or a question may need of it. The page's own object is not kept, which may hold anything. */
interface Story {
  readonly id: string;
  readonly _nearside: ReturnType<typeof subjectOf>;
  /** Where it opens. */
  readonly urls: readonly string[];
}

/** A list that was given to `rank`, and what came of it. */
interface Ranked {
  readonly space: string;
  /** In the server's order. */
  readonly stories: Story[];
  /** Where each id stands in them. */
  readonly places: Map<string, number>;
  answer?: Answer;
  /** The items that were not to move, once the answer is forgotten: that is the page's own word. */
  held?: ReadonlySet<string>;
}

/** Lists remembered: the zones of a page, so that an event or a question can name a story by id. */
const most = 16;
/** Stories remembered of each. */
const mostStories = 1000;

/** A longer address is none. */
const longestUrl = 2048;

/** The last lists a reranker was given. */
export class Rankings {
  readonly #recent: Ranked[] = [];

  /** Remembers a list that is about to be ranked. */
  add({ items, space, refusal }: List<unknown>): Ranked {
    const ranked: Ranked = { space, stories: [], places: new Map() };
    const end = Math.min(items.length, refusal ? maxRanked : mostStories);
    for (let i = 0; i < end; i++) read(ranked, items, i);
    this.#recent.unshift(ranked);
    if (this.#recent.length > most) this.#recent.pop();
    return ranked;
  }

  /** The story with this id in the latest list that has it, and that list's vector space. */
  find(id: string): { item: Story; space: string } | undefined {
    const found = this.#locate(id);
    return found && { item: found.ranked.stories[found.index] as Story, space: found.ranked.space };
  }

  /** Forgets what came of the lists: it was derived from a history that is no more. */
  forget(): void {
    for (const ranked of this.#recent) {
      if (!ranked.answer) continue;
      ranked.held = new Set(Array.from(ranked.places.keys()).filter((id) => this.holds(id)));
      delete ranked.answer;
    }
  }

  /** Why the item stands where it stands; `undefined` if the latest list that has it was not ranked. */
  explain(id: string): Explanation | undefined {
    const found = this.#locate(id);
    const answer = found?.ranked.answer;
    if (!found || !answer) return undefined;
    const { order, rows, weight, names } = answer;
    const from = found.index;
    const to = from < order.length ? order.indexOf(from) : from;
    if (from >= order.length) {
      return {
        id,
        from,
        to,
        features: {},
        serverLogit: Number.NaN,
        personal: 0,
        weight,
        bound: "beyond_limit",
      };
    }
    const width = names.length + 3;
    const row = rows.subarray(from * width, (from + 1) * width);
    const [serverLogit = Number.NaN, personal = 0, bound = 0] = row.subarray(names.length);
    return {
      id,
      from,
      to,
      features: Object.fromEntries(names.map((name, i) => [name, row[i] as number])),
      serverLogit,
      personal,
      weight,
      bound: bounds[bound] ?? "none",
    };
  }

  /** Whether the item was not to move in the latest ranking that has it: it is pinned, kept, not to be personalized, or faulty. */
  holds(id: string): boolean {
    const held = this.#locate(id)?.ranked.held;
    if (held) return held.has(id);
    const bound = (bounds as readonly Bound[]).indexOf(this.explain(id)?.bound ?? "none");
    return 0 < bound && bound < 4;
  }

  #locate(id: string): { ranked: Ranked; index: number } | undefined {
    for (const ranked of this.#recent) {
      const index = ranked.places.get(id);
      if (index !== undefined) return { ranked, index };
    }
    return undefined;
  }
}

/** Takes an item in as the next story, without an id where it cannot be read. */
function read({ stories, places }: Ranked, items: readonly unknown[], i: number): void {
  let story: Story = { id: "", _nearside: { topic: "", subtopic: "", vector: "" }, urls: [] };
  try {
    const item = items[i];
    story = { id: idOf(item) ?? "", _nearside: subjectOf(item), urls: urlsOf(item) };
  } catch {
    // guard: unreadable
    // A getter of the page's: the ranking will say so.
  }
  if (story.id !== "" && !places.has(story.id)) places.set(story.id, stories.length);
  stories.push(story);
}

function urlsOf(item: unknown): string[] {
  try {
    const { url, external_url } = item as { url: unknown; external_url: unknown };
    return [url, external_url].filter(
      (text) => typeof text === "string" && text.length <= longestUrl,
    ) as string[];
  } catch {
    return []; // a getter of the page's: it is a story without an address
  }
}
