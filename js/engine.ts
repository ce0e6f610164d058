import { type AssetRequest, isSame } from "./asset.js";
import { checkSupport, liveInstance, loadModel, loadWasm, noteTrap } from "./load.js";
import { Core } from "./nearside.js";
import type { Cursor, Profile } from "./profile.js";
import { asRefusal, Refusal, textOf } from "./refusal.js";
import type { Reason } from "./types.js";

/** Names of the errors the core throws, and the reasons they give. Anything else out of it is a trap. */
const reasonOf: ReadonlyMap<unknown, Reason> = new Map<unknown, Reason>([
  ["bad_candidates", "bad_candidates"],
  ["model_rejected", "model_rejected"],
  ["model_unsupported", "model_unsupported"],
  ["nonfinite", "nonfinite"],
  ["internal", "internal"],
]);

/** A network may come back: that many tries a page view. Nothing else heals. */
const mostTries = 3;

/** One model over one profile, on the page's one WebAssembly instance. */
export class Engine {
  /** The loaded model's id and its features' names, in its order. */
  modelId: string | undefined;
  featureNames: readonly string[] = [];
  /** Where the two files come from. */
  readonly wasm: AssetRequest;
  readonly model: AssetRequest;
  readonly #profile: Profile;
  #loading: Promise<void> | undefined;
  #tries = 0;
  #bytes: Uint8Array | undefined;
  #core: Core | undefined;
  #instance = 0;
  #space = "";
  #cursor: Cursor;

  constructor(profile: Profile, wasm: AssetRequest, model: AssetRequest) {
    this.#profile = profile;
    this.wasm = wasm;
    this.model = model;
    this.#cursor = profile.cursor();
  }

  /** Whether loading ended well. */
  get live(): boolean {
    return this.#bytes !== undefined;
  }

  /** Loads what is missing; later calls share the first one's promise, but for a few tries after a failed request. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error) => {
      const refusal = asRefusal(error);
      if (refusal.reason === "load_failed" && ++this.#tries < mostTries) this.#loading = undefined;
      throw refusal;
    });
    return this.#loading;
  }

  /** Calls `work` on the core, which has by then taken in all events. Throws a refusal; a trap costs the instance. */
  run<T>(work: (core: Core, cursor: Cursor) => T): T {
    if (!this.#bytes) throw new Refusal("internal", "not loaded");
    const instance = liveInstance();
    try {
      // A history that was erased without a core begins anew, generation and all: so does the core.
      const current = this.#instance === instance && this.#cursor.erasures === this.#profile.erasures;
      if (!this.#core || !current) this.#build(this.#bytes, instance);
      const core = this.#core as Core;
      this.#profile.replay(core, this.#cursor, this.#space);
      return work(core, this.#cursor);
    } catch (error) {
      throw this.#refuse(error);
    }
  }

  async #load(): Promise<void> {
    checkSupport();
    const [bytes] = await Promise.all([loadModel(this.model), loadWasm(this.wasm), this.#profile.begin()]);
    const instance = liveInstance();
    try {
      this.#build(bytes, instance);
    } catch (error) {
      const refusal = this.#refuse(error);
      // Whatever else the core says of its golden case is said of the model.
      const own = refusal.reason === "trap" || refusal.reason === "model_unsupported";
      throw own ? refusal : new Refusal("model_rejected", refusal.message);
    }
    this.#bytes = bytes;
  }

  /** The core of an instance that trapped is left to itself: it must not be freed on the next one. */
  #build(bytes: Uint8Array, instance: number): void {
    const core = new Core(bytes);
    this.modelId = core.modelId;
    this.featureNames = core.featureNames().split("\n");
    this.#space = core.space;
    this.#core = core;
    this.#instance = instance;
    this.#cursor = this.#profile.cursor();
  }

  #refuse(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    const reason = reasonOf.get((error as Error | undefined)?.name);
    if (reason) return new Refusal(reason, textOf(error));
    noteTrap();
    return new Refusal("trap", textOf(error));
  }
}

const engines = new WeakMap<Profile, Engine[]>();

/** The engine that every reranker with this profile and these files shares. */
export function engineOf(profile: Profile, wasm: AssetRequest, model: AssetRequest): Engine {
  const known = engines.get(profile) ?? [];
  engines.set(profile, known);
  let engine = known.find((one) => isSame(one.wasm, wasm) && isSame(one.model, model));
  if (!engine) {
    engine = new Engine(profile, wasm, model);
    known.push(engine);
  }
  return engine;
}
