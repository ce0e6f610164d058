import { idOf } from "./candidates.js";
import type { List } from "./list.js";
import type { Scored } from "./score.js";
import type { Bound, Explanation } from "./types.js";

/** What the core said of a ranking: a trap later cannot take it away. */
export interface Answer extends Scored {
  /** Names of the features. */
  readonly names: readonly string[];
}

/** A list that was given to `rank`, and what came of it. */
interface Ranked {
  readonly list: List<unknown>;
  ids?: readonly string[];
  answer?: Answer;
  /** The items that were not to move, once the answer is forgotten: that is the page's own word. */
  held?: ReadonlySet<string>;
}

/** Lists remembered: the zones of a page, so that an event or a question can name a story by id. */
const most = 16;

const bounds: readonly Bound[] = [
  "none",
  "pinned",
  "not_personalizable",
  "item_fault",
  "displacement",
  "topic_cap",
  "unscored",
];

/** The last lists a reranker was given. */
export class Rankings {
  readonly #recent: Ranked[] = [];

  /** Remembers a list that is about to be ranked. */
  add(list: List<unknown>): Ranked {
    const ranked: Ranked = { list };
    this.#recent.unshift(ranked);
    if (this.#recent.length > most) this.#recent.pop();
    return ranked;
  }

  /** The item with this id in the latest list that has it, and that list's vector space. */
  find(id: string): { item: unknown; space: string } | undefined {
    const found = this.#locate(id);
    return found && { item: found.ranked.list.items[found.index], space: found.ranked.list.space };
  }

  /** Forgets what came of the lists: it was derived from a history that is no more. */
  forget(): void {
    for (const ranked of this.#recent) {
      if (!ranked.answer) continue;
      ranked.ids ??= idsOf(ranked.list.items);
      ranked.held = new Set(ranked.ids.filter((id) => this.holds(id)));
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
    const bound = bounds.indexOf(this.explain(id)?.bound ?? "none");
    return 0 < bound && bound < 4;
  }

  #locate(id: string): { ranked: Ranked; index: number } | undefined {
    for (const ranked of this.#recent) {
      ranked.ids ??= idsOf(ranked.list.items);
      const index = ranked.ids.indexOf(id);
      if (index >= 0) return { ranked, index };
    }
    return undefined;
  }
}

/** The items' ids; `""` for one that cannot be read. */
function idsOf(items: readonly unknown[]): string[] {
  return Array.from({ length: items.length }, (_, i) => {
    try {
      return idOf(items[i]) ?? "";
    } catch {
      return "";
    }
  });
}
