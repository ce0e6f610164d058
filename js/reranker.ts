import { apply } from "./apply.js";
import { type Columns, idOf, subjectOf, toColumns } from "./candidates.js";
import { now } from "./clock.js";
import { followConsent } from "./consent.js";
import { engineOf } from "./engine.js";
import type { Event } from "./event.js";
import { forgetKept } from "./kept.js";
import { followPage, whenShown } from "./lifecycle.js";
import { type List, readList } from "./list.js";
import { checkOrder, inOrder } from "./order.js";
import { watchFrames } from "./painted.js";
import { readPolicy } from "./policy.js";
import { profileOf } from "./profile.js";
import { Rankings } from "./rankings.js";
import { asRefusal, Refusal, textOf } from "./refusal.js";
import type { Scored } from "./score.js";
import { readSettings, type Settings } from "./settings.js";
import { holdsAnything } from "./store.js";
import { nextTask } from "./task.js";
import type { Candidate, Outcome, RankOptions, Reranker, RerankerOptions } from "./types.js";
import { watch } from "./watch.js";
import { within } from "./within.js";

const defaultBudget = 100;

/**
 * Makes a reranker. Never throws: whatever is wrong with the options shows in each outcome. With consent, loading begins in the next task at the latest.
 *
 * Make one as early as possible and use it for all zones of the page.
 */
export function createReranker(options: RerankerOptions): Reranker {
  const settings = readSettings(options);
  const profile = profileOf(settings.store);
  const engine = engineOf(profile, settings);
  const rankings = new Rankings();
  const watched = new WeakSet<Element>();
  const end = new AbortController();
  const { release } = settings;
  const isOff = settings.policy[0] === 0;
  let ready = Promise.resolve();

  const { allowed, answered } = followConsent(settings.consent, end.signal, async (yes) => {
    if (yes) begin();
    else if (engine.live || !profile.isShared || (await holdsAnything())) void erase();
  });
  /** Its platform's last word is not followed any more once it is disposed of. */
  const mayKeep = (): boolean => !(answered && end.signal.aborted) && allowed();
  const forget = (): void => rankings.forget();
  const load = (): Promise<void> => {
    release?.users.add(mayKeep);
    const loading = engine.load();
    ready = loading.catch(() => {}); // also keeps a failure that nobody waits for from being reported as unhandled
    return loading;
  };
  const begin = (): void => {
    if (allowed() && !settings.refusal && !isOff) void load();
  };
  const erase = (): Promise<boolean> => {
    forgetKept();
    return profile.erase(engine.live ? engine : undefined, allowed);
  };

  /** Everything that may go wrong between a list and its order. */
  const score = async (
    list: List<unknown>,
    started: number,
    options: RankOptions | undefined,
  ): Promise<Scored> => {
    const check = (): void => {
      if (end.signal.aborted) throw new Refusal("disposed");
      if (list.refusal) throw list.refusal;
      if (!allowed()) throw new Refusal("no_consent"); // guard: consent
    };
    const budget = readBudget(options);
    const late = (): Refusal => new Refusal("budget", `no order after ${budget} ms`);
    const left = (): number => started + budget - now();
    if (answered && !allowed()) await within(answered, left(), () => new Refusal("no_consent"));
    check();
    if (settings.refusal) throw settings.refusal; // guard: settings
    if (isOff) throw new Refusal("off");
    const keep = readKeep(options);
    if (!engine.live) {
      try {
        await within(load(), left(), late);
      } finally {
        check(); // guard: consent-again
      }
    }
    release?.users.add(mayKeep); // another reranker may have loaded the engine
    release?.ask();
    release?.check();
    const over = engine.choice.of?.policy;
    const policy = over ? readPolicy({ ...settings.knobs, ...over }) : settings.policy;
    if (policy[0] === 0) throw new Refusal("off");
    const columns = readColumns(list, keep);
    let scored = engine.rank(columns, list.space, policy, left());
    if ("then" in scored) {
      scored = await within(scored, left(), late);
      check();
    }
    checkOrder(scored.order, columns.flags); // guard: order
    if (now() - started > budget) throw late(); // guard: late-order
    return scored;
  };

  const rank: Reranker["rank"] = async (feed, options) => {
    const started = now();
    const list = readList<never>(feed);
    const ranking = rankings.add(list);
    const { live } = engine;
    let items = list.items;
    let moved = 0;
    let result: Scored | Refusal;
    try {
      result = await score(list, started, options);
      profile.onForget.add(forget);
      ranking.answer = { ...result, names: engine.featureNames };
      if (result.reason === "ranked") {
        items = inOrder(list.items, result.order);
        moved = result.order.reduce((count, from, slot) => count + Number(from !== slot), 0);
      }
    } catch (error) {
      result = asRefusal(error);
      // A budget that loading took is the network's doing.
      const isFault = result.reason === "trap" || (result.reason === "budget" && live);
      if (isFault && allowed()) engine.noteFault();
    }
    const { reason } = result;
    const version = engine.live && engine.choice.of?.version;
    const outcome: Outcome = {
      source: reason === "ranked" ? "model" : "server",
      reason,
      ms: now() - started,
      modelId: engine.modelId,
      moved,
      skipped: "skipped" in result ? result.skipped : 0,
      ...("message" in result && result.message !== "" ? { message: result.message } : {}),
      ...(version ? { releaseVersion: version } : {}),
      ...(release?.trouble ? { release: release.trouble } : {}),
      ...(profile.trouble ? { storage: "memory" } : {}),
    };
    tell(settings, outcome);
    return { items, outcome };
  };

  const record = (kind: Event["kind"], item: unknown, seconds = 0): void => {
    try {
      // A page that is prerendered has no reader yet, and may never have one.
      if (whenShown(() => record(kind, item, seconds))) return;
      const id = idOf(item);
      if (id === undefined || settings.refusal || end.signal.aborted) return;
      if (!allowed()) return; // guard: consent-event
      const space = rankings.find(id)?.space ?? "";
      void load(); // the event waits in the profile
      profile.add({ kind, id, ...subjectOf(item), space, seconds, at: Date.now() }, engine, allowed);
    } catch {
      // guard: event
      // A getter of the page's item threw: there is nothing to record.
    }
  };

  /** An event on an element: the last rankings know the item, or else its id must do. */
  const itemOf = (id: string): Candidate => (rankings.find(id)?.item as Candidate | undefined) ?? { id };

  /** A story counts as seen once a page view, and a click once, whoever else watches: another zone, another copy of the package. */
  const isFirst = (key: string): boolean => allowed() && !profile.seen.has(key) && !!profile.seen.add(key);

  const watcher = {
    viewed: (id: string): void => {
      if (isFirst(id)) record("viewed", itemOf(id));
    },
    clicked: (id: string, at: number): void => {
      if (isFirst(`${at} ${id}`)) record("clicked", itemOf(id));
    },
  };

  try {
    watchFrames();
    followPage(profile, engine, allowed, forget, end.signal);
  } catch {
    // guard: follow
    // A host that patched its globals: of the page's going and coming nothing is known.
  }
  allowed(); // asks the page's consent platform
  const begun = nextTask().then(
    () => {
      if (!end.signal.aborted) begin();
    },
    () => {}, // timers that the host patched: loading begins with the first ranking
  );

  return {
    get ready() {
      return begun.then(() => answered).then(() => ready);
    },
    rank,
    apply: (container, items) => apply(container, items, (id) => rankings.holds(id)),
    watch(container) {
      try {
        if (end.signal.aborted || watched.has(container)) return;
        watch(container, watcher, end.signal);
        watched.add(container);
      } catch {
        // guard: watch
        // No element: there is nothing to watch.
      }
    },
    viewed: (item) => record("viewed", item),
    clicked: (item) => record("clicked", item),
    dwelled: (item, seconds) => {
      if (Number.isFinite(seconds) && seconds >= 0) record("dwelled", item, seconds);
    },
    hide: (item) => record("hide", item),
    unhide: (item) => record("unhide", item),
    explain(id) {
      const text = idOf({ id });
      return text === undefined || end.signal.aborted || !allowed() ? undefined : rankings.explain(text);
    },
    stored() {
      if (!engine.live || end.signal.aborted || !allowed()) return undefined;
      try {
        return engine.run((core) => {
          const [clicks = 0, views = 0, hides = 0, generation = 0] = core.profileCounts(Date.now());
          const bytes = core.profileBytes(Date.now()).length;
          return { bytes, clicks, views, hides, generation: profile.erasures + generation };
        });
      } catch {
        return undefined;
      }
    },
    erase,
    dispose() {
      if (end.signal.aborted) return;
      end.abort();
      release?.users.delete(mayKeep);
      profile.onForget.delete(forget);
      void profile.close().then(() => engine.release());
    },
  };
}

function readColumns(list: List<unknown>, keep: ReadonlySet<string> | undefined): Columns {
  try {
    return toColumns(list.items, keep);
  } catch (error) {
    // Reading is all that happens there: what is thrown comes from the page's own getters.
    throw error instanceof Refusal ? error : new Refusal("bad_candidates", textOf(error)); // guard: getter
  }
}

function readBudget(options: RankOptions | undefined): number {
  const budget = options?.budgetMs;
  return typeof budget === "number" && !Number.isNaN(budget) ? Math.max(0, budget) : defaultBudget;
}

function readKeep(options: RankOptions | undefined): ReadonlySet<string> | undefined {
  const keep = options?.keep ?? undefined;
  if (keep === undefined) return undefined;
  if (typeof keep === "string" || typeof keep[Symbol.iterator] !== "function") {
    throw new Refusal("internal", "keep must be a list of ids");
  }
  return new Set(Array.from(keep, String));
}

/** The outcome goes to the page's listener; what that throws, now or in a promise, is its own business. */
function tell({ onOutcome }: Settings, outcome: Outcome): void {
  (async () => onOutcome?.(outcome))().catch(() => {}); // guard: listener
}
