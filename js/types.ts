import type { reasons, releaseReasons } from "./reasons.js";

/** What Nearside reads of a story. A JSON Feed 1.1 item is one; all other members are the page's own business. */
export interface Candidate {
  /** Names the story. Required and unique within a list; a number counts as its decimal text. At most 2,048 UTF-16 units. */
  readonly id: string | number;
  /** When the story was published, RFC 3339 with its zone (`2026-01-15T08:30:00Z`). Its age is one of the model's features. */
  readonly date_published?: string | null | undefined;
  /** Where the story opens: by it `watch` tells the story's link from others on its card. */
  readonly url?: string | null | undefined;
  /** The same, of a story that is another site's. */
  readonly external_url?: string | null | undefined;
  /** What the server says of the story for ranking. */
  readonly _nearside?: CandidateExtension | null | undefined;
}

/** The `_nearside` member of a feed item. All members are optional, and `null` is as good as none; a member that cannot be used keeps the item in its slot. */
export interface CandidateExtension {
  /** The story's text as a vector: base64 of 64 signed bytes, in the feed's vector space. */
  readonly vector?: string | undefined;
  /** Section or subject, at most 1,024 UTF-16 units. Topics are compared as text, never read. */
  readonly topic?: string | undefined;
  /** Finer subject within the topic, as long at most. */
  readonly subtopic?: string | undefined;
  /** How often the server has shown the story to anyone. */
  readonly shows?: number | undefined;
  /** How often anyone has clicked it; at most `shows`. */
  readonly clicks?: number | undefined;
  /** Instead of counts: the server's own score, any finite number on a log-odds scale. Used if every item has one. */
  readonly score?: number | undefined;
  /** An editor's pin. `true`: the story keeps its slot. Anything but a boolean or `null` keeps it as well, and is counted as skipped. */
  readonly pinned?: boolean | null | undefined;
  /**
   * `false`: the story keeps its slot, as an advertisement or a correction should. Anything but a boolean or `null` (`"false"`, 0) keeps
   * it as well, and is counted as skipped.
   */
  readonly personalize?: boolean | null | undefined;
}

/** A JSON Feed 1.1 document, as far as Nearside reads it. */
export interface Feed<T extends Candidate = Candidate> {
  /**
   * The stories in the server's order, which is the order shown whenever anything is missing. The first 200 are read in full and ranked; those
   * behind them stay in their order.
   */
  readonly items: readonly T[];
  /** Names the vector space of the items; a space other than the model's refuses the list. Absent: taken to be the model's. */
  readonly _nearside?: { readonly space?: string | undefined } | null | undefined;
}

/** The reasons an outcome can carry; `reasons` lists them. */
export type Reason = (typeof reasons)[number];

/** The reasons why a release could not be used; `releaseReasons` lists them. */
export type ReleaseReason = (typeof releaseReasons)[number];

/** Where the WebAssembly file or the model comes from, when not from beside the package's own files. */
export type Asset = string | URL | ArrayBuffer | Uint8Array | Response | WebAssembly.Module;

/** How much ranking may do. Whatever is left out has its default. */
export interface Policy {
  /** Weight of the personal part at unlimited evidence, 0 to 10. 0 turns ranking off: nothing is loaded to rank. Default 0.8. */
  readonly strength?: number | null | undefined;
  /** Clicks at which half of the strength is reached. Default: the model's, 10. */
  readonly k?: number | null | undefined;
  /** Clicks, weighted by reading time, below which the order is the server's (`cold`). Default 2. */
  readonly minimumEvidence?: number | null | undefined;
  /** Slots a story may move up or down, counted among the slots that may change at all. `Infinity`: any. Default 10. */
  readonly maximumDisplacement?: number | null | undefined;
  /** At most `limit` stories of one topic in any `window` slots in a row. Default: no cap. */
  readonly topicCap?: { readonly limit: number; readonly window: number } | null | undefined;
}

/**
 * Where the reader's history is kept: one string of bytes.
 *
 * A store that throws, rejects, answers with anything but bytes or takes over a second is not asked again in this page
 * view; ranking then goes on from memory.
 */
export interface Store {
  /** The bytes last written; `undefined` when there are none. */
  read(): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  /** Replaces the bytes. */
  write(bytes: Uint8Array): Promise<void> | void;
  /**
   * Reads, lets `change` decide and writes what it returns (`undefined`: nothing) as one transaction that no other tab can
   * come between. Without it `read` and `write` are called in turn, and the later of two tabs wins.
   */
  update?(change: (bytes: Uint8Array | undefined) => Uint8Array | undefined): Promise<void>;
}

/** The browser's `TrustedScriptURL`, which not every compiler knows. */
export interface TrustedScriptUrl {
  toJSON(): string;
  toString(): string;
}

/** Signed releases, as `npx nearside release` writes them. */
export interface ReleaseOptions {
  /** The signed manifest. The release's files lie beside it. */
  readonly manifestUrl: string | URL;
  /** The Ed25519 public keys, one or two, that may have signed it: base64 of 32 bytes. With two, one can be replaced. */
  readonly publicKeys: readonly string[];
  /**
   * Whose releases these are: the `--channel` they were made with, 1 to 64 printable characters of ASCII. A manifest of another
   * channel is `sig_invalid`, whoever signed it. Default `"default"`.
   */
  readonly channel?: string | undefined;
}

/**
 * Consent as the page's consent platform tells it, by the IAB's TCF (`__tcfapi`) or GPP (`__gpp`); `"auto"` alone takes the defaults.
 *
 * Each of the two that is on the page must have answered, and neither with "no". A page with neither has no consent; one that comes
 * later is found until the timeout, when the document is parsed and loaded, and at each use. Global Privacy Control is one more that may
 * say no. Loading begins when consent comes; at each new "no" the history is erased.
 */
export interface AutoConsent {
  readonly signal: "auto";
  /**
   * The TCF's purposes that need consent beside the first, storing, which always does. Default 5 and 6: a profile to personalize content,
   * and selecting content by it.
   */
  readonly purposes?: readonly number[] | undefined;
  /**
   * Milliseconds that `ready`, and a `rank` within its budget, wait for a platform that has not answered yet, at most 60,000. For one
   * that is not on the page yet only a `rank` waits whose budget is as long. Default 500.
   */
  readonly timeoutMs?: number | undefined;
}

/** What `createReranker` takes. */
export interface RerankerOptions {
  /**
   * Whether the reader agreed to a history on this device. A function is asked at each use, so that consent may come and go.
   * Anything but `true` means no: nothing is read, written or fetched, but for the script that asks the platform (`"auto"`). So does Global Privacy Control. Neither erases what was kept:
   * call `erase`. `"auto"`: as the page's consent platform says, see `AutoConsent`.
   */
  readonly consent: boolean | (() => boolean) | "auto" | AutoConsent;
  /** Limits on ranking, usually from the publisher's remote configuration. */
  readonly policy?: Policy | undefined;
  /**
   * The WebAssembly file. A URL without `wasmIntegrity` is held to the package's own file. A page has one instance: the first file
   * loaded serves every reranker.
   */
  readonly wasmUrl?: Asset | Promise<Asset> | undefined;
  /** Hash of that file, `sha384-…` as in a script's `integrity`. */
  readonly wasmIntegrity?: string | undefined;
  /**
   * The ONNX model. A URL without `modelIntegrity` is held to the package's own model. Rerankers with another model share the
   * history.
   */
  readonly modelUrl?: Asset | Promise<Asset> | undefined;
  /** Hash of that file, `sha384-…`. */
  readonly modelIntegrity?: string | undefined;
  /**
   * Where the publisher's releases are announced: models, policy and a kill switch that need no new version of the page's script.
   * Until one was verified on this device, and wherever one cannot be used, the files above serve.
   */
  readonly release?: ReleaseOptions | undefined;
  /**
   * Whether to rank in a worker, so that not even a large model keeps the page's own thread for long, and a ranking that does not
   * end is ended. The results are the same. The worker ends when the last reranker that uses it is disposed. Where none
   * can be started the reason is `load_failed`: the page's thread never does its work instead. Default `false`.
   */
  readonly worker?: boolean | undefined;
  /**
   * The worker's script, `nearside/worker.js`, where a bundler leaves it out or the package's own scripts are of another origin.
   * Where Trusted Types are enforced, a `TrustedScriptURL`. The content security policy's `worker-src` must allow it, and
   * the script's own policy `'wasm-unsafe-eval'`, if it has one.
   */
  readonly workerUrl?: string | URL | TrustedScriptUrl | undefined;
  /** Where to keep the history instead of IndexedDB. Rerankers with the same store share one history. */
  readonly store?: Store | undefined;
  /** Gets each outcome once, for the publisher's own monitoring. What it throws is swallowed. */
  readonly onOutcome?: ((outcome: Outcome) => void) | undefined;
}

/** What `rank` takes beside the list. */
export interface RankOptions {
  /** Milliseconds from the call after which the server's order is returned; loading counts. Default 100. */
  readonly budgetMs?: number | undefined;
  /** Ids of stories the reader already sees, at most 10,000: they keep their slots. */
  readonly keep?: Iterable<string | number> | undefined;
}

/** What `rank` answers. */
export interface Ranking<T extends Candidate> {
  /** The same objects in a new array: render these. A list of more than 1,048,576 items comes back itself. */
  readonly items: T[];
  /** How that order came about: send it to monitoring. */
  readonly outcome: Outcome;
}

/** One ranking, as a publisher would count it. It says nothing of the history. */
export interface Outcome {
  /** Whose order was returned. */
  readonly source: "model" | "server";
  /** Why. */
  readonly reason: Reason;
  /** Milliseconds from the call to the order. */
  readonly ms: number;
  /** Which model is loaded; `undefined` while none is. */
  readonly modelId: string | undefined;
  /** How many stories stand in another slot than the server's. */
  readonly moved: number;
  /** How many stories kept their slot because something in them cannot be used. */
  readonly skipped: number;
  /** For an engineer: what went wrong, in a sentence. Its text may change. */
  readonly message?: string;
  /** The version of the release that ranks. Absent for the files of the package itself, or those that the options name. */
  readonly releaseVersion?: number;
  /**
   * Present when a release could not be used, and ranking went on by the last good one or without: `sig_invalid`, `expired` or
   * `rollback` (the version went down) of a manifest, `unsupported` of one for another version of the package or a browser
   * without Ed25519, `load_failed`, or why the release's files were refused.
   */
  readonly release?: ReleaseReason;
  /** Present when storage failed: the history is kept in memory, for this page view only, and beyond it if the store was merely late. */
  readonly storage?: "memory";
}

/** What kept a story from standing where its score alone would have put it. */
export type Bound =
  | "none"
  | "pinned"
  | "not_personalizable"
  | "item_fault"
  | "displacement"
  | "topic_cap"
  | "unscored"
  | "beyond_limit";

/** Why one story stands where it stands. Its score is `serverLogit + weight * personal`. */
export interface Explanation {
  /** The story. */
  readonly id: string;
  /** Its slot in the server's order, from 0. */
  readonly from: number;
  /** Its slot in the order returned. */
  readonly to: number;
  /** What the model was told of it, by name. Empty for a story behind the 200th. */
  readonly features: Readonly<Record<string, number>>;
  /** The server's log-odds of a click. `NaN` behind the 200th. */
  readonly serverLogit: number;
  /** The model's number less the list's mean; 0 for a story it does not score. */
  readonly personal: number;
  /** Weight of the personal part; 0 unless `ranked`. */
  readonly weight: number;
  /** What bound it. */
  readonly bound: Bound;
}

/** What `watch` takes beside the container. */
export interface WatchOptions {
  /** Ends it when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What `apply` answers. */
export interface Application {
  /** Whether the container now shows the order, as far as stories may still move. `false`: it shows what it showed before. */
  readonly applied: boolean;
  /**
   * `applied`; `stale_list`: the container shows other stories than the list (render again); `too_late`: stories would have
   * to move that the reader may have seen, or another copy of the package has ordered the container.
   */
  readonly reason: "applied" | "stale_list" | "too_late";
}

/** How much history there is, for a page that shows the reader what is kept. */
export interface Stored {
  /** Size of the record. */
  readonly bytes: number;
  /** Opened stories, at most 50. */
  readonly clicks: number;
  /** Seen stories, at most 300. */
  readonly views: number;
  /** Hidden stories, at most 20. */
  readonly hides: number;
  /** How often the history was erased on this device. */
  readonly generation: number;
}

/** Ranks lists for the reader of this device and learns from what the reader does. No member throws or rejects. */
export interface Reranker {
  /**
   * Settles when loading has ended, well or not: then `rank` no longer waits. Without consent at creation that is after the
   * first call with consent.
   */
  readonly ready: Promise<void>;
  /** Orders a feed, or its items. Answers within the budget, on any fault with the server's order. */
  rank<T extends Candidate>(feed: Feed<T> | readonly T[], options?: RankOptions): Promise<Ranking<T>>;
  /**
   * Moves the children of a server-rendered container into the order of `items`. Children name their story in
   * `data-nearside-id`; those without keep their index. Pages that render `items` themselves do not need it.
   */
  apply(container: Element, items: readonly Candidate[]): Application;
  /**
   * Records views and clicks on the `data-nearside-id` elements within a container, also on later ones, until the function that it returns is called,
   * the signal is aborted, or `dispose`. A list that the page has let go of needs none of them; one that the page takes out and puts back
   * is watched on. What counts as seen, and which link of a card opens its story, is in the README.
   */
  watch(container: Element, options?: WatchOptions): () => void;
  /** Records that the reader saw a story: at least half of it for one second. `watch` does this. */
  viewed(item: Candidate): void;
  /** Records that the reader opened a story. `watch` does this. */
  clicked(item: Candidate): void;
  /** Records how long the reader stayed with a story opened within the last 24 hours, in seconds. */
  dwelled(item: Candidate, seconds: number): void;
  /** Records that the reader wants less like a story. */
  hide(item: Candidate): void;
  /** Withdraws that. */
  unhide(item: Candidate): void;
  /** Why a story stands where it does, from its last ranking; `undefined` for a story no ranking has placed, without consent and after `erase` or `dispose`. */
  explain(id: string | number): Explanation | undefined;
  /** How much history there is; `undefined` before loading has ended and without consent. */
  stored(): Stored | undefined;
  /**
   * Erases the history, with or without consent. No open tab can bring it back. `false`: storage did not answer, so that only
   * this page's memory was erased.
   */
  erase(): Promise<boolean>;
  /**
   * Ends all listeners and timers and writes what is pending. Later rankings answer `disposed`. It is no withdrawal of consent: a
   * release that is on its way is kept, but with `"auto"`.
   */
  dispose(): void;
}
