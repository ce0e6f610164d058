import { apart } from "./apart.js";
import { apply } from "./apply.js";
import { isTooLong } from "./breaker.js";
import { idOf, reading, subjectOf, withColumns } from "./candidates.js";
import { date, now } from "./clock.js";
import { followConsent } from "./consent.js";
import { engineOf } from "./engine.js";
import type { Event } from "./event.js";
import type { Flavour, Look } from "./flavour.js";
import { forgetKept } from "./kept.js";
import { followPage, whenShown } from "./lifecycle.js";
import { type List, readList } from "./list.js";
import { Instance } from "./load.js";
import { arrange, checkOrder, heldIn } from "./order.js";
import { outermost } from "./outermost.js";
import { watchFrames } from "./painted.js";
import { readPolicy } from "./policy.js";
import { profileOf } from "./profile.js";
import { quietly } from "./quiet.js";
import { Rankings } from "./rankings.js";
import { asRefusal, Refusal, reasonOf } from "./refusal.js";
import type { Scored } from "./score.js";
import { memberOf, readSettings, type Settings } from "./settings.js";
import { holdsAnything, wipe } from "./store.js";
import { nextTask } from "./task.js";
import type { Candidate, Outcome, RankOptions, Reason, Reranker, RerankerOptions } from "./types.js";
import { watch } from "./watch.js";
import { within } from "./within.js";

const defaultBudget = 100;
/** An iterator need not end. */
const mostKept = 10_000;

/** What makes a flavour's rerankers: the package's `createReranker`. */
export function makeCreateReranker<More extends object>(
  flavour: Flavour<More>,
): (options: RerankerOptions) => Reranker & More {
  let instance: Instance | undefined;
  return (options) => {
    let look: Look = () => undefined;
    const reranker = outermost((listen) => {
      instance ??= new Instance(flavour);
      return makeReranker(readSettings(options, instance, listen), (to) => {
        look = to;
      });
    });
    return (flavour.extend?.(reranker, (work) => look(work)) ?? reranker) as Reranker & More;
  };
}

/** The reranker of these settings. Its rankings are told to nobody. `show` is given what looks into its core. */
function makeReranker(settings: Settings, show: (look: Look) => void): Reranker {
  const profile = profileOf(settings.store);
  const engine = engineOf(profile, settings);
  const rankings = new Rankings();
  /** What ends the watching of a container, and by whose signals it goes on; without one, until it is ended. */
  const watched = new WeakMap<Element, { stop: () => void; users: Set<AbortSignal | undefined> }>();
  /** Ends what is being watched; they keep nothing of the page. */
  const watching = new Set<() => void>();
  const end = new AbortController();
  const { release } = settings;
  const isOff = settings.policy[0] === 0;
  let ready: Promise<void> | undefined;

  let had = false;
  const allowed = (): boolean => {
    const has = consent.allowed();
    if (had && !has) profile.seen.clear(); // it was withdrawn
    had = has;
    return has;
  };
  const consent = followConsent(settings.consent, end.signal, async (yes) => {
    if (yes) return begin();
    forgetKept();
    if (engine.live || !profile.isShared || (await holdsAnything())) void quietly(erase);
  });
  const { answered } = consent;
  /** Its platform's last word is not followed any more once it is disposed of. */
  const mayKeep = (): boolean => !(answered && end.signal.aborted) && allowed();
  const forget = (): void => rankings.forget();
  const load = (): Promise<void> => {
    release?.users.add(mayKeep);
    const loading = engine.load();
    ready = quietly(() => loading); // also keeps a failure that nobody waits for from being reported as unhandled
    return loading;
  };
  const begin = (): void => {
    if (!allowed() || settings.refusal || isOff) return;
    void quietly(async () => {
      await load();
      await profile.tidy(engine, mayKeep);
    });
  };
  const erase = async (): Promise<boolean> => {
    forgetKept();
    engine.users++; // an erasure is one work for a core, and may come behind the end of all rerankers
    try {
      const done = await profile.erase(engine.live ? engine : undefined, allowed);
      return done === true || !profile.isShared ? done : await wipe();
    } finally {
      engine.release();
    }
  };

  /** Everything that may go wrong between a list and its order. Promises hold no objects here: a page may have given all of them a `then`. */
  const score = async (
    list: List<unknown>,
    started: number,
    options: RankOptions | undefined,
    take: (scored: Scored) => void,
  ): Promise<void> => {
    const check = (): void => {
      if (end.signal.aborted) throw new Refusal("disposed");
      if (list.refusal) throw list.refusal;
      if (!allowed()) throw new Refusal("no_consent", consent.trouble()); // guard: consent
    };
    const budget = readBudget(options);
    const late = (): Refusal => new Refusal("budget", `no order after ${budget} ms`);
    const left = (): number => started + budget - now();
    const answer = consent.answeredWithin(left());
    if (answer) await within(answer, left(), () => new Refusal("no_consent"));
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
    release?.check();
    const over = engine.choice.of?.policy;
    const policy = over ? readPolicy({ ...settings.knobs, ...over }) : settings.policy;
    if (policy[0] === 0) throw new Refusal("off");
    const held = reading(() => heldIn(list.items, keep));
    let scored = withColumns(list.items, keep, (columns) => {
      check(); // guard: check-again
      return engine.rank(columns, list.space, policy, left());
    });
    void judge(scored, budget);
    if (!("order" in scored)) {
      scored = await within(scored, left(), late);
      check();
    }
    checkOrder(scored.order, held); // guard: order
    if (now() - started > budget) throw late(); // guard: late-order
    take(scored);
  };

  /** Notes a model that took too long, or trapped, in the engine, whoever still waits for its order. */
  const judge = async (scored: Scored | Promise<Scored>, budget: number): Promise<void> => {
    let isBad: boolean;
    try {
      isBad = isTooLong(("order" in scored ? scored : await scored).engineMs, budget);
    } catch (error) {
      isBad = asRefusal(error).reason === "trap";
    }
    if (isBad && mayKeep()) engine.noteFault();
  };

  const rank: Reranker["rank"] = async (feed, options) => {
    const started = now();
    const list = readList<never>(feed);
    const ranking = rankings.add(list);
    const { items } = list;
    let moved = 0;
    let skipped = 0;
    let reason: Reason = "internal";
    let message = "";
    try {
      await score(list, started, options, (scored) => {
        profile.onForget.add(forget);
        ranking.answer = { ...scored, names: engine.featureNames };
        if (scored.reason === "ranked") {
          const count = countMoved(scored.order);
          arrange(items, scored.order);
          moved = count;
        }
        ({ reason, skipped } = scored);
      });
    } catch (error) {
      const refusal = asRefusal(error);
      reason = reasonOf(refusal);
      message = refusal.message;
      if (reason === "trap" && allowed()) engine.noteFault();
    }
    const version = engine.live && engine.choice.of?.version;
    const outcome: Outcome = {
      source: reason === "ranked" ? "model" : "server",
      reason,
      ms: now() - started,
      modelId: engine.modelId,
      moved,
      skipped,
      ...(message === "" ? {} : { message }),
      ...(version ? { releaseVersion: version } : {}),
      ...(release?.trouble ? { release: release.trouble } : {}),
      ...(profile.trouble ? { storage: "memory" } : {}),
    };
    return apart({ items, outcome: apart(outcome, "message") }, "then"); // most outcomes have no message
  };

  /** Notes an event. It throws where a getter of the page's item does: then there is nothing to note. */
  const record = (kind: Event["kind"], item: unknown, seconds = 0): void => {
    // A page that is prerendered has no reader yet, and may never have one.
    if (whenShown(() => record(kind, item, seconds))) return;
    const id = idOf(item);
    if (id === undefined || settings.refusal || end.signal.aborted) return;
    if (!allowed()) return; // guard: consent-event
    const space = rankings.find(id)?.space ?? "";
    void quietly(load); // the event waits in the profile
    profile.add({ kind, id, ...subjectOf(item), space, seconds, at: date() }, engine, allowed);
  };

  /** An event on an element: the last rankings know the item, or else its id must do. */
  const itemOf = (id: string): Candidate => (rankings.find(id)?.item as Candidate | undefined) ?? { id };

  /** A story counts as seen once a page view, and a click once, whoever else watches: another zone, another copy of the package. */
  const isFirst = (key: string): boolean => {
    if (!allowed() || profile.seen.has(key)) return false;
    profile.seen.add(key);
    return true;
  };

  const watcher = {
    viewed: (id: string): void => {
      if (isFirst(id)) record("viewed", itemOf(id));
    },
    clicked: (id: string, at: number): void => {
      if (isFirst(`${at} ${id}`)) record("clicked", itemOf(id));
    },
    urlsOf: (id: string) => rankings.find(id)?.item.urls ?? [],
  };

  const look: Look = (work) => {
    if (!engine.live || end.signal.aborted || !allowed()) return undefined;
    try {
      return engine.run(work);
    } catch {
      return undefined;
    }
  };
  show((work) => (settings.worker || settings.refusal ? undefined : look(work)));

  try {
    watchFrames();
    followPage(profile, engine, allowed, forget, end.signal);
  } catch {
    // guard: follow
    // A host that patched its globals: of the page's going and coming nothing is known.
  }
  allowed(); // asks the page's consent platform
  const begun = quietly(async () => {
    await nextTask();
    if (!end.signal.aborted) begin();
  });

  return {
    get ready() {
      return quietly(async () => {
        await begun;
        await answered;
        await ready;
      });
    },
    rank,
    apply: (container, items) => apply(container, items, (id) => rankings.holds(id)),
    watch(container, options) {
      const signal = memberOf(options, "signal");
      if (end.signal.aborted || signal?.aborted) return () => {};
      let leave = (): void => {};
      signal?.addEventListener("abort", () => leave()); // first: where it is no signal, nothing is watched
      let shared = watched.get(container);
      if (!shared || !watching.has(shared.stop)) {
        const finish = watch(container, watcher);
        const stop = (): void => void (watching.delete(stop) && finish());
        shared = { stop, users: new Set() };
        watched.set(container, shared);
        watching.add(stop);
      }
      const { stop, users } = shared;
      users.add(signal);
      leave = () => {
        users.delete(signal);
        if (users.size === 0) stop();
      };
      return stop;
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
    stored: () =>
      look((core) => {
        const [clicks = 0, views = 0, hides = 0, generation = 0] = core.profileCounts(date());
        const bytes = core.profileBytes(date()).length;
        return { bytes, clicks, views, hides, generation: profile.erasures + generation };
      }),
    erase,
    dispose() {
      if (end.signal.aborted) return;
      end.abort();
      for (const stop of watching) stop();
      release?.users.delete(mayKeep);
      profile.onForget.delete(forget);
      void quietly(async () => {
        await profile.close();
        engine.release();
      });
    },
  };
}

function readBudget(options: RankOptions | undefined): number {
  const budget = memberOf(options, "budgetMs");
  if (typeof budget !== "number") return defaultBudget;
  return budget > 0 ? budget : budget <= 0 ? 0 : defaultBudget;
}

function countMoved(order: Uint32Array): number {
  let moved = 0;
  for (let slot = 0; slot < order.length; slot++) if (order[slot] !== slot) moved++;
  return moved;
}

function readKeep(options: RankOptions | undefined): ReadonlySet<string> | undefined {
  const keep = memberOf(options, "keep") ?? undefined;
  if (keep === undefined) return undefined;
  if (typeof keep === "string" || typeof keep[Symbol.iterator] !== "function") {
    throw new Refusal("internal", "keep must be a list of ids");
  }
  const ids = new Set<string>();
  let count = 0;
  for (const id of keep) {
    if (++count > mostKept) throw new Refusal("internal", `keep must be a list of at most ${mostKept} ids`);
    ids.add(String(id));
  }
  return ids;
}
