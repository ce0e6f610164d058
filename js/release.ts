import { bytesOfBinary } from "./bytes.js";
import { dateOf } from "./candidates.js";
import { date } from "./clock.js";
import type { Flavour } from "./flavour.js";
import { keep, kept, timesForgotten } from "./kept.js";
import { loadPart } from "./part.js";
import { readPolicy } from "./policy.js";
import { asRefusal, Refusal, releaseReasonOf } from "./refusal.js";
import type { ReleaseClient } from "./release-client.js";
import { deadline } from "./timer.js";
import type { ReleaseReason, RerankerOptions } from "./types.js";

/** What the client of releases needs of the page's side. Given, not imported: so no bundler cuts the page's own script in pieces for it. */
export interface Page {
  readonly asRefusal: typeof asRefusal;
  readonly bytesOfBinary: typeof bytesOfBinary;
  readonly date: typeof date;
  readonly dateOf: typeof dateOf;
  readonly deadline: typeof deadline;
  readonly keep: typeof keep;
  readonly kept: typeof kept;
  readonly readPolicy: typeof readPolicy;
  readonly Refusal: typeof Refusal;
  readonly releaseReasonOf: typeof releaseReasonOf;
  readonly timesForgotten: typeof timesForgotten;
}

export const page: Page = {
  ...{ asRefusal, bytesOfBinary, date, dateOf, deadline, keep, kept },
  ...{ readPolicy, Refusal, releaseReasonOf, timesForgotten },
};

/**
 * The publisher's releases, as the rerankers of a page share them. What asks for them, verifies and keeps them is loaded when it is first
 * needed.
 */
export class Release {
  readonly url: string;
  readonly keys: readonly string[];
  readonly channel: string;
  readonly flavour: Flavour;
  /** Whether there is consent, as each reranker that follows the releases knows it. */
  readonly users: Set<() => boolean> = new Set();
  #client: ReleaseClient | undefined;

  constructor(url: string, keys: readonly string[], channel: string, flavour: Flavour) {
    this.url = url;
    this.keys = keys;
    this.channel = channel;
    this.flavour = flavour;
  }

  /** Whether something may be kept and asked for. */
  get isAllowed(): boolean {
    return [...this.users].some((allowed) => allowed());
  }

  /** Whether this device has kept one. */
  get isKept(): boolean {
    return kept().releases?.[this.url] !== undefined;
  }

  /** What is wrong with the releases, though ranking went on without them. */
  get trouble(): ReleaseReason | undefined {
    return this.#client?.trouble;
  }

  /**
   * Loads the client. Throws a `load_failed` refusal where that does not come: nothing else knows of a kill switch, so nothing may be ranked
   * without it.
   */
  async client(): Promise<ReleaseClient> {
    const chunk = await loadPart("release", () => import("./release-client.js"));
    this.#client ??= new chunk.ReleaseClient(this, page);
    return this.#client;
  }

  /** Asks what the newest release is, and throws `killed` once the publisher has switched ranking off. */
  check(): void {
    this.#client?.ask();
    this.#client?.check();
  }
}

let releases: Map<string, Release> | undefined;

/**
 * The releases that every reranker of this page with these options shares. Throws where their address is none; what else may be wrong with them
 * their client says.
 */
export function releaseOf(options: RerankerOptions["release"] | null, flavour: Flavour): Release | undefined {
  if (options === undefined || options === null) return undefined;
  const { manifestUrl, publicKeys: keys, channel: pinned } = options;
  const channel = pinned ?? "default";
  const url = new URL(manifestUrl, globalThis.document?.baseURI).href;
  const id = JSON.stringify([url, keys, channel, flavour.glueIntegrity]);
  releases ??= new Map();
  const release = releases.get(id) ?? new Release(url, keys, channel, flavour);
  releases.set(id, release);
  return release;
}
