import type { AssetRequest } from "./asset.js";
import { buckets, isBucket, isInShare } from "./buckets.js";
import type { KeptRelease } from "./kept.js";
import { isExpired, isName, type Manifest, readManifest } from "./manifest.js";
import type { Page, Release } from "./release.js";
import type { Policy, ReleaseReason } from "./types.js";

/** How old the answer of the manifest's URL may be when a list is ranked. */
const freshness = 60_000;
/** Manifests of so many URLs are kept. */
const mostUrls = 4;
/** How long it may take. */
const patience = 30_000;

/** What a page can rank with. */
export interface Choice {
  readonly wasm: AssetRequest;
  readonly model: AssetRequest;
  /** The release it is of; none: the files of the package itself, or those the page names. */
  readonly of?: { readonly version: number; readonly policy: Policy; readonly text: string };
}

/** The publisher's releases: those kept on this device, and what the manifest's URL now says. It is loaded only by a page that has releases. */
export class ReleaseClient {
  readonly #release: Release;
  readonly #page: Page;
  #asked = Number.NEGATIVE_INFINITY;
  #killed = false;
  #stored: ReleaseReason | undefined;
  #fetched: ReleaseReason | undefined;

  /** Throws a refusal where the options of the releases are none. */
  constructor(release: Release, page: Page) {
    this.#release = release;
    this.#page = page;
    const { keys, channel } = release;
    const areKeys =
      Array.isArray(keys) && [1, 2].includes(keys.length) && keys.every((key) => typeof key === "string");
    if (!areKeys) throw new page.Refusal("internal", "release.publicKeys must be one or two keys, base64");
    if (!isName(channel))
      throw new page.Refusal("internal", "release.channel must be 1 to 64 printable characters of ASCII");
  }

  /** What is wrong with the releases, though ranking went on without them. */
  get trouble(): ReleaseReason | undefined {
    return this.#stored ?? this.#fetched;
  }

  /** Throws `killed` once the publisher has switched ranking off. */
  check(): void {
    if (this.#killed) throw new this.#page.Refusal("killed"); // guard: killed
  }

  /** Asks what the newest release is, for the next ranking and the next page view, if the last answer is old. */
  ask(): void {
    const age = Math.abs(this.#page.date() - this.#asked);
    if (age > freshness && this.#release.isAllowed) void this.#refresh();
  }

  /** The releases kept on this device that may be used, best first. Throws a refusal where this device may use none at all. */
  async choices(): Promise<Choice[]> {
    const choices: Choice[] = [];
    if (
      Object.keys(this.#page.kept().releases ?? {}).indexOf(this.#release.url) > 0 &&
      this.#release.isAllowed
    )
      this.#keep({}); // the URLs used last stay
    const { newest, good } = this.#kept;
    for (const text of new Set([newest, good])) {
      if (!text) continue;
      let manifest: Manifest;
      try {
        manifest = await readManifest(text, this.#release, this.#page, true);
      } catch (error) {
        this.#note(error);
        continue;
      }
      if (manifest.killed) {
        this.#killed = true; // and stays so until there is a newer one
        break;
      }
      if (!manifest.isUsable) this.#note(new this.#page.Refusal("unsupported"));
      else if (isExpired(manifest, this.#page))
        this.#note(new this.#page.Refusal("expired")); // guard: kept-expired
      else if (choices.length === 0 && !this.#isIn(manifest))
        throw new this.#page.Refusal("not_in_rollout"); // guard: rollout
      else choices.push(this.#choice(text, manifest));
    }
    this.check();
    return choices;
  }

  /** Notes that a choice was loaded, golden case and all. */
  loaded({ of }: Choice): void {
    if (of && of.text !== this.#kept.good && this.#mayAdd) this.#keep({ good: of.text });
  }

  /**
   * Notes that a choice could not be loaded. Files that came, and are bad, stay so; what came in their place, a page on which
   * nothing may be compiled, or one that has another release's module (`own` is false), says nothing of them.
   *
   * Throws a refusal if there is no consent for another try.
   */
  failed({ of }: Choice, error: unknown, own: boolean): void {
    if (!this.#release.isAllowed) throw new this.#page.Refusal("no_consent");
    this.#note(error);
    const isBad = own && /^(model|trap)/.test(this.#page.asRefusal(error).reason);
    if (isBad && of?.text === this.#kept.newest) this.#keep({ newest: undefined });
  }

  /** Whether there still is something to add to: it may have been erased since it was read, by another tab as well. */
  get #mayAdd(): boolean {
    return this.#kept.version !== undefined && this.#release.isAllowed;
  }

  get #kept(): KeptRelease {
    return this.#page.kept().releases?.[this.#release.url] ?? {};
  }

  #keep(more: KeptRelease): void {
    const others = Object.entries(this.#page.kept().releases ?? {}).filter(
      ([url]) => url !== this.#release.url,
    );
    const all = [[this.#release.url, { ...this.#kept, ...more }], ...others].slice(0, mostUrls);
    this.#page.keep({ releases: Object.fromEntries(all) });
  }

  #note(error: unknown): void {
    this.#stored ??= this.#page.releaseReasonOf(this.#page.asRefusal(error));
  }

  #choice(text: string, { version, policy, wasm, model }: Manifest): Choice {
    const request = (option: AssetRequest["option"], { name, integrity }: Manifest["wasm"]): AssetRequest => {
      const url = new URL(name, this.#release.url).href;
      return { option, source: () => url, integrity, key: url };
    };
    return {
      wasm: request("wasmUrl", wasm),
      model: request("modelUrl", model),
      of: { version, policy, text },
    };
  }

  async #refresh(): Promise<void> {
    this.#asked = this.#page.date();
    const users = [...this.#release.users]; // a page may dispose of them before the answer is there
    const times = this.#page.timesForgotten();
    const isAllowed = (): boolean =>
      times === this.#page.timesForgotten() &&
      (this.#release.users.size > 0 ? this.#release.isAllowed : users.some((allowed) => allowed()));
    try {
      const signal = this.#page.deadline(patience) ?? null;
      // The browser's own cache may answer with what was said ten minutes ago (stale-while-revalidate): the edge is asked each time.
      const response = await fetch(this.#release.url, {
        __proto__: null,
        ...{ cache: "no-cache", credentials: "omit", signal },
      } as RequestInit);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const text = await response.text();
      const manifest = await readManifest(text, this.#release, this.#page);
      if (isExpired(manifest, this.#page)) throw new this.#page.Refusal("expired"); // guard: expired
      const { version, key = "", channel } = this.#kept;
      const counts =
        channel === this.#release.channel &&
        this.#release.keys.includes(key) &&
        Number.isSafeInteger(version);
      const floor = counts ? (version as number) : 0;
      if (manifest.version < floor) throw new this.#page.Refusal("rollback"); // guard: rollback
      const isUsable = manifest.killed || manifest.isUsable;
      const wasKilled = this.#killed;
      this.#killed = manifest.killed;
      this.#fetched = undefined;
      // A release for others does not take the place of one for this version of the package, but that of the kill switch.
      if (manifest.version !== floor && (isUsable || wasKilled) && isAllowed())
        this.#keep({
          newest: text,
          version: manifest.version,
          key: manifest.key,
          channel: this.#release.channel,
        });
      if (!isUsable) throw new this.#page.Refusal("unsupported");
      if (manifest.version === floor || manifest.killed) return;
      // So that the next page view has them at hand.
      for (const { name, integrity } of [manifest.wasm, manifest.model]) {
        if (!isAllowed()) return;
        await (
          await fetch(new URL(name, this.#release.url), {
            __proto__: null,
            integrity,
            priority: "low",
          } as RequestInit)
        ).arrayBuffer();
      }
    } catch (error) {
      this.#fetched = error instanceof this.#page.Refusal ? this.#page.releaseReasonOf(error) : "load_failed";
    }
  }

  /** Whether this device's bucket is in the share of the readers that a release is for. */
  #isIn({ rollout: { percentage, salt } }: Manifest): boolean {
    let { bucket } = this.#page.kept();
    if (!isBucket(bucket)) {
      bucket = (crypto.getRandomValues(new Uint32Array(1))[0] as number) % buckets;
      if (this.#mayAdd) this.#page.keep({ bucket });
    }
    return isInShare(bucket, percentage, salt);
  }
}
