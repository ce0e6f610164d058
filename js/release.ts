import { bytesOfBinary } from "./bytes.js";
import { dateOf } from "./candidates.js";
import { date } from "./clock.js";
import { glueIntegrity, version } from "./integrity.js";
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
  readonly glueIntegrity: typeof glueIntegrity;
  readonly isName: typeof isName;
  readonly keep: typeof keep;
  readonly kept: typeof kept;
  readonly readPolicy: typeof readPolicy;
  readonly Refusal: typeof Refusal;
  readonly releaseReasonOf: typeof releaseReasonOf;
  readonly timesForgotten: typeof timesForgotten;
  readonly version: typeof version;
}

export const page: Page = {
  ...{ asRefusal, bytesOfBinary, date, dateOf, deadline, glueIntegrity, isName, keep, kept },
  ...{ readPolicy, Refusal, releaseReasonOf, timesForgotten, version },
};

/**
 * The publisher's releases, as the rerankers of a page share them. What asks for them, verifies and keeps them is loaded when it is first
 * needed.
 */
export class Release {
  readonly url: string;
  readonly keys: readonly string[];
  readonly channel: string;
  /** Whether there is consent, as each reranker that follows the releases knows it. */
  readonly users: Set<() => boolean> = new Set();
  #client: ReleaseClient | undefined;

  constructor(url: string, keys: readonly string[], channel: string) {
    this.url = url;
    this.keys = keys;
    this.channel = channel;
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

/** Whether a value is the name of a channel, or a salt: 1 to 64 printable characters of ASCII. */
function isName(value: unknown): value is string {
  return typeof value === "string" && /^[ -~]{1,64}$/.test(value);
}

let releases: Map<string, Release> | undefined;

/** The releases that every reranker of this page with these options shares. Throws a refusal where the options are none. */
export function releaseOf(options: RerankerOptions["release"] | null): Release | undefined {
  if (options === undefined || options === null) return undefined;
  const { manifestUrl, publicKeys: keys, channel: pinned } = options;
  const channel = pinned ?? "default";
  if (
    !Array.isArray(keys) ||
    keys.length < 1 ||
    keys.length > 2 ||
    !keys.every((key) => typeof key === "string")
  )
    throw new Refusal("internal", "release.publicKeys must be one or two keys, base64");
  if (!isName(channel))
    throw new Refusal("internal", "release.channel must be 1 to 64 printable characters of ASCII");
  const url = new URL(manifestUrl, globalThis.document?.baseURI).href;
  const id = [url, ...keys, channel].join(" ");
  releases ??= new Map();
  const release = releases.get(id) ?? new Release(url, keys, channel);
  releases.set(id, release);
  return release;
}
