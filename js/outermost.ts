import { apart } from "./apart.js";
import { now } from "./clock.js";
import { forgetKept } from "./kept.js";
import { copyOf, listIn } from "./list.js";
import { quietly } from "./quiet.js";
import { textOf } from "./refusal.js";
import { wipe } from "./store.js";
import type { Candidate, Outcome, Ranking, Reranker } from "./types.js";

/** What goes to the page's listener. */
type Listener = ((outcome: Outcome) => void) | undefined;

/**
 * The reranker that a page gets: none of its members throws or rejects, whatever the page did to what the language gives it. `make` makes the
 * one that does the work, whose rankings tell nobody; where even that fails, each ranking answers `internal`.
 *
 * What is done here is done by syntax, as far as it can be: what the page may have patched (promises' methods, iterators, clocks) is not called.
 */
export function outermost(make: (listen: (to: Listener) => void) => Reranker): Reranker {
  let inner: Reranker;
  let failure: unknown;
  let onOutcome: Listener;
  try {
    inner = make((to) => {
      onOutcome = to;
    });
  } catch (error) {
    // guard: make
    failure = error;
  }

  /** A member that answers at once: `otherwise`, where it throws. */
  const atOnce = <Name extends keyof Reranker>(name: Name, otherwise?: () => unknown): Reranker[Name] =>
    ((one: unknown, other: unknown) => {
      try {
        return (inner[name] as (one: unknown, other: unknown) => unknown)(one, other);
      } catch {
        // guard: at-once
        return otherwise?.();
      }
    }) as Reranker[Name];

  const rank = async (feed: unknown, options: unknown): Promise<Ranking<Candidate>> => {
    let ranking: Ranking<Candidate>;
    const started = now();
    try {
      ranking = await inner.rank(feed as readonly Candidate[], options as object);
    } catch (error) {
      // guard: rank
      ranking = asGiven(feed, inner ? error : failure, now() - started);
    }
    // What the page's listener throws, now or in a promise, is its own business.
    void quietly(() => onOutcome?.(ranking.outcome)); // guard: listener
    return apart(ranking, "then");
  };

  return {
    get ready() {
      return quietly(() => inner.ready);
    },
    rank: rank as Reranker["rank"],
    apply: atOnce("apply", () => ({ applied: false, reason: "stale_list" })),
    watch: atOnce("watch", () => () => {}),
    viewed: atOnce("viewed"),
    clicked: atOnce("clicked"),
    dwelled: atOnce("dwelled"),
    hide: atOnce("hide"),
    unhide: atOnce("unhide"),
    explain: atOnce("explain"),
    stored: atOnce("stored"),
    async erase() {
      try {
        return await inner.erase();
      } catch {
        // guard: erase
      }
      // There is no reranker, or it cannot.
      try {
        forgetKept();
        return await wipe(true);
      } catch {
        return false;
      }
    },
    dispose: atOnce("dispose"),
  };
}

/** The list as it was given, and the outcome of what went wrong where nothing should. */
function asGiven(feed: unknown, error: unknown, ms: number): Ranking<Candidate> {
  let items: readonly Candidate[] = [];
  try {
    items = listIn<Candidate>(feed) ?? items;
    items = copyOf(items);
  } catch {
    // The list throws: there is none, or it is given back itself.
  }
  return {
    items: items as Candidate[],
    outcome: {
      ...{ source: "server", reason: "internal", ms, modelId: undefined, moved: 0, skipped: 0 },
      message: textOf(error),
    },
  };
}
