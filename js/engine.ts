import { apart } from "./apart.js";
import { isSame } from "./asset.js";
import { isOff, noteFault } from "./breaker.js";
import { hash } from "./bytes.js";
import type { Columns } from "./candidates.js";
import { date } from "./clock.js";
import type { Core } from "./core.js";
import { checkSupport, forgetModel, loadModel } from "./load.js";
import { loadPart } from "./part.js";
import type { Cursor, Profile } from "./profile.js";
import { either, quietly, safely } from "./quiet.js";
import { asRefusal, Refusal, textOf } from "./refusal.js";
import type { Choice, ReleaseClient } from "./release-client.js";
import type { Remote } from "./remote.js";
import { checked, type Scored, scoreOn } from "./score.js";
import type { Settings } from "./settings.js";
import { nextTask } from "./task.js";
import { after } from "./timer.js";
import { worded } from "./worded.js";

/** Where an engine's parts come from. */
type Files = Pick<Settings, "instance" | "wasm" | "model" | "worker" | "release">;

/** Of a model that is being loaded, these too say that it is to be rejected. */
const ofModel: readonly string[] = ["nonfinite", "bad_candidates", "internal"];

/** A network may come back: that many tries a page view. Nothing else heals. */
const mostTries = 3;

/**
 * One model over one profile, on the page's one WebAssembly instance. With a worker the model is there, and here is a core
 * without one that keeps the history: a page that is left must be able to write it at once.
 */
export class Engine {
  /** The loaded model's id and its features' names, in its order. */
  modelId: string | undefined;
  featureNames: readonly string[] = [];
  /** What is loaded, or was last tried. */
  choice: Choice;
  readonly files: Files;
  /** Rerankers that use it. */
  users = 0;
  readonly #profile: Profile;
  #remote: Remote | undefined;
  #starting: Promise<void> | undefined;
  #loading: Promise<void> | undefined;
  #tries = 0;
  #make: (() => Core) | undefined;
  #core: Core | undefined;
  #instance = 0;
  /** The loaded model's vector space. */
  space = "";
  /** The hash of the model that was tried last. */
  #hash = "";
  #cursor: Cursor;

  constructor(profile: Profile, files: Files) {
    this.#profile = profile;
    this.files = files;
    this.choice = files;
    this.#cursor = profile.cursor();
  }

  /** Whether loading ended well. */
  get live(): boolean {
    return this.#make !== undefined;
  }

  /** Loads what is missing; later calls share the first one's promise, but for a few tries after a failed request. */
  load(): Promise<void> {
    this.#loading ??= either(this.#load(), (error) => {
      const refusal = asRefusal(error);
      void quietly(async () => {
        await this.#starting;
        this.#remote?.close();
      });
      if (refusal.reason === "load_failed" && ++this.#tries < mostTries) this.#loading = undefined; // guard: try-again
      if (refusal.reason === "no_consent") this.#loading = undefined; // there may be again
      throw refusal;
    });
    return this.#loading;
  }

  /** Calls `work` on the core, which has by then taken in all events. Throws a refusal; a trap costs the instance. */
  run<T>(work: (core: Core, cursor: Cursor) => T): T {
    if (!this.#make) throw new Refusal("internal", "not loaded");
    const instance = this.files.instance.number;
    try {
      // A history that was erased without a core begins anew, generation and all: so does the core.
      const current = this.#instance === instance && this.#cursor.epoch === this.#profile.epoch;
      if (!this.#core || !current) this.#build(this.#make, instance);
      const core = this.#core as Core;
      this.#profile.replay(core, this.#cursor, this.space);
      return work(core, this.#cursor);
    } catch (error) {
      throw this.#refuse(error);
    } finally {
      // Given back, once it is through, what was made for a write behind the last reranker's end.
      if (this.users === 0)
        void quietly(async () => {
          await undefined;
          if (this.users === 0) this.#free();
        });
    }
  }

  /** Ranks the list in `columns` by the history; in a worker, if that is how it is, and if its turn comes within `left` milliseconds. */
  rank(columns: Columns, space: string, policy: Float64Array, left: number): Scored | Promise<Scored> {
    return this.#remote
      ? this.#remote.rank({ columns, space, policy, until: date() + left })
      : this.run((core) => scoreOn(core, columns, space, policy, date()));
  }

  /** Notes that the loaded model failed this page view. */
  noteFault(): void {
    noteFault(this.#hash);
  }

  /** Notes that a reranker is done with it: the last one ends the worker, and lets go of what only this engine has. */
  release(): void {
    this.users--;
    const end = (): void => {
      if (this.users > 0) return;
      this.#remote?.close();
      this.#free();
      this.#profile.hosts.delete(this);
      const { wasm, model } = this.files;
      // Files under an address may be wanted again, and are few.
      if (typeof wasm.key === "string" && typeof model.key === "string") return;
      forgetModel(model);
      const known = engines?.get(this.#profile)?.filter((engine) => engine !== this);
      if (known) engines?.set(this.#profile, known);
    };
    void quietly(async () => {
      await quietly(() => this.#loading);
      end();
    });
  }

  /** Gives the core's memory back. Whatever asks for it later has it made again. */
  #free(): void {
    const core = this.#core;
    this.#core = undefined;
    try {
      if (core && this.#instance === this.files.instance.number) core.free();
    } catch {
      // The instance trapped, and its memory is gone with it.
    }
  }

  async #load(): Promise<void> {
    checkSupport();
    const { release, worker } = this.files;
    void this.#profile.begin();
    if (worker) {
      this.#starting = this.#startRemote(worker);
      void quietly(() => this.#starting); // awaited with the files
    }
    let client: ReleaseClient | undefined;
    try {
      if (release && !release.isKept) {
        // They will be the choice: on their way while the client of releases is.
        const { wasm, model, instance } = this.files;
        void quietly(() => Promise.all([loadModel(model), instance.load(wasm)]));
      }
      client = await release?.client();
      const choices: Choice[] = (await client?.choices()) ?? [];
      for (const choice of choices) {
        try {
          await this.#install(choice, choice !== choices[0]);
          client?.loaded(choice);
          return;
        } catch (error) {
          if (asRefusal(error).reason === "breaker") throw error;
          client?.failed(choice, error, this.files.instance.isOf(choice.wasm)); // guard: next-choice
        }
      }
      await this.#install(this.files, choices.length > 0);
    } finally {
      client?.ask(); // once what it would compete with is there
    }
  }

  /** Loads what may be the next choice after others that were bad. */
  async #install(choice: Choice, isNext: boolean): Promise<void> {
    this.choice = choice;
    const { wasm, model } = choice;
    const { instance } = this.files;
    const check = (hash: string | undefined): void => {
      this.#hash = String(hash);
      if (isOff(this.#hash)) throw new Refusal("breaker"); // guard: breaker
    };
    if (model.integrity) check(String(model.integrity));
    const [bytes, module] = await Promise.all([
      loadModel(model),
      instance.load(wasm, isNext),
      this.#profile.begin(),
      this.#starting,
    ]);
    if (!model.integrity) check(await hash(bytes));
    try {
      if (isNext) this.#remote?.close(); // whatever module it has
      const remote = await this.#remote?.load({ module, model: bytes });
      const make = (): Core => (remote ? instance.history(remote.space) : checked(instance.read(bytes)));
      const { modelId, space, names } = remote ?? (await this.#buildFirst(bytes, make)).describe();
      this.modelId = modelId;
      this.featureNames = names;
      this.space = space;
      this.#make = make;
    } catch (error) {
      const { reason, message } = this.#refuse(error);
      throw new Refusal(ofModel.includes(reason) ? "model_rejected" : reason, await worded(message));
    }
  }

  /** Starts the worker while the files are still on their way. */
  async #startRemote(url: unknown): Promise<void> {
    const chunk = await loadPart("worker", this.files.instance.flavour.remote);
    const profile = this.#profile;
    this.#remote ??= chunk.startRemote(url, {
      Refusal,
      refusalOf,
      bytes: () => this.run((core) => core.profileBytes(date())),
      erasures: () => profile.cursor().forgotten,
      ...{ date, after, quietly, safely, apart },
    });
  }

  /** As `#build`, in steps. Another engine may cost the instance between them. */
  async #buildFirst(bytes: Uint8Array, make: () => Core): Promise<Core> {
    const { instance } = this.files;
    const { number } = instance;
    const read = instance.read(bytes);
    await nextTask();
    const live = instance.number;
    const core = this.#build(live === number ? () => checked(read) : make, live);
    await nextTask();
    return core;
  }

  /** The core of an instance that trapped is left to itself: it must not be freed on the next one. */
  #build(make: () => Core, instance: number): Core {
    this.#core = make();
    this.#instance = instance;
    this.#cursor = this.#profile.cursor();
    return this.#core;
  }

  #refuse(error: unknown): Refusal {
    const refusal = refusalOf(error);
    if (refusal !== error && refusal.reason === "trap") this.files.instance.noteTrap();
    return refusal;
  }
}

/** What a core threw: a refusal, or else it trapped. */
function refusalOf(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal("trap", textOf(error));
}

let engines: WeakMap<Profile, Engine[]> | undefined;

/** The engine that every reranker with this profile and these files shares. */
export function engineOf(profile: Profile, files: Files): Engine {
  engines ??= new WeakMap();
  const known = engines.get(profile) ?? [];
  engines.set(profile, known);
  let engine = known.find(
    ({ files: { instance, wasm, model, worker, release } }) =>
      instance === files.instance &&
      isSame(wasm, files.wasm) &&
      isSame(model, files.model) &&
      worker === files.worker &&
      release === files.release,
  );
  if (!engine) {
    engine = new Engine(profile, files);
    known.push(engine);
  }
  engine.users++;
  profile.hosts.add(engine);
  return engine;
}
