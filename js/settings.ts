import { type AssetRequest, isUrl } from "./asset.js";
import type { Instance } from "./load.js";
import { readPolicy } from "./policy.js";
import { quietly } from "./quiet.js";
import { asRefusal, type Refusal } from "./refusal.js";
import { type Release, releaseOf } from "./release.js";
import type { Outcome, Policy, RerankerOptions, Store } from "./types.js";

/** The options, read once and checked. */
export interface Settings {
  /** Where the flavour's cores run. */
  readonly instance: Instance;
  readonly consent: unknown;
  /** The page's own knobs; those of a release go before them. */
  readonly knobs: Policy | null | undefined;
  /** The same for the core. */
  readonly policy: Float64Array;
  readonly release: Release | undefined;
  readonly wasm: AssetRequest;
  readonly model: AssetRequest;
  /** Where the worker's script lies, or `true` for beside the package's own; `undefined`: no worker. */
  readonly worker: unknown;
  readonly store: Store | undefined;
  readonly onOutcome: ((outcome: Outcome) => void) | undefined;
  /** Why nothing can be ranked with these options. */
  readonly refusal: Refusal | undefined;
}

/** Reads the options, whatever they are. `listen` is told the page's listener before anything else can go wrong. */
export function readSettings(
  given: RerankerOptions | undefined,
  instance: Instance,
  listen: (to: Settings["onOutcome"]) => void,
): Settings {
  const { flavour } = instance;
  /** For a file that the page names, or else the flavour's own. */
  const request = (name: AssetRequest["option"], source?: unknown, given?: unknown): AssetRequest => {
    const own = flavour[name === "wasmUrl" ? "wasmIntegrity" : "modelIntegrity"];
    if (source === undefined || source === null)
      return { option: name, source: flavour[name], integrity: own, own, key: "" };
    void quietly(() => source); // a promise that may never be wanted
    const integrity = given ?? undefined;
    return {
      option: name,
      source: () => source,
      integrity,
      own,
      key: isUrl(source) ? String(source) : source,
    };
  };
  let refusal: Refusal | undefined;
  const read = <T>(get: () => T): T | undefined => {
    try {
      return get();
    } catch (error) {
      refusal ??= asRefusal(error);
      return undefined;
    }
  };
  const option = <Name extends keyof RerankerOptions>(name: Name) => memberOf(given, name);
  const told = read(() => option("onOutcome"));
  const onOutcome = typeof told === "function" ? told : undefined;
  listen(onOutcome);
  let store: unknown = {}; // what is no store fails at its first use, as a storage failure
  read(() => {
    store = option("store") ?? undefined;
  });
  const knobs = read(() => option("policy"));
  const wasm = read(() => request("wasmUrl", option("wasmUrl"), option("wasmIntegrity")));
  const model = read(() => {
    const [source, integrity] = [option("modelUrl"), option("modelIntegrity")];
    flavour.checkModel?.(source, integrity);
    return request("modelUrl", source, integrity);
  });
  const policy = read(() => readPolicy(knobs)) ?? readPolicy(undefined);
  return {
    instance,
    consent: read(() => option("consent")),
    knobs,
    policy,
    // A page that is switched off loads none, not even to keep the history.
    release: policy[0] === 0 ? undefined : read(() => releaseOf(option("release"), flavour)),
    wasm: wasm ?? request("wasmUrl"),
    model: model ?? request("modelUrl"),
    worker: read(() => (option("worker") ? (option("workerUrl") ?? true) : undefined)),
    store: store === undefined ? undefined : Object(store),
    onOutcome,
    refusal,
  };
}

/** A member of the page's options: its own, or of a prototype that not all objects have. */
export function memberOf<T extends object, Name extends keyof T>(
  options: T | null | undefined,
  name: Name,
): T[Name] | undefined {
  const isCommon = name in {} && !Object.hasOwn(Object(options), name); // guard: pollution
  return isCommon ? undefined : options?.[name];
}
