import { apart } from "../apart.js";
import { type Engine, engineOf } from "../engine.js";
import { profileOf } from "../profile.js";
import { safely } from "../quiet.js";
import { Refusal } from "../refusal.js";
import { createBy } from "../reranker.js";
import { readSettings, type Settings } from "../settings.js";
import type { RerankerOptions } from "../types.js";
import type { Inspection, Reranker } from "./types.js";

/** What the full flavour's core has beside the default's. */
interface Inspected {
  inspect(): Inspection;
}

const sha384 = /^sha384-[A-Za-z0-9+/]{64}$/;

/**
 * Makes a reranker, as `createReranker` of the package does, whose model runs on tract.
 *
 * tract is only ever given bytes whose hash was checked: a `modelUrl` without its `modelIntegrity` is refused (`integrity`), in
 * whatever form the model comes.
 */
export function createReranker(options: RerankerOptions): Reranker {
  let settings: Settings | undefined;
  let engine: Engine | undefined;
  const base = createBy(() => {
    const held = hold(options);
    settings = readSettings(held);
    engine = engineOf(profileOf(settings.store), settings);
    return held;
  });
  const { dispose: disposeBase } = base;
  let disposed = false;
  const inspect = async (): Promise<Inspection | undefined> => {
    try {
      // What is stored is not told without consent, before loading has ended, or after `dispose`; nor is this.
      if (!settings || settings.refusal || settings.worker || !base.stored()) return undefined;
      const inspection = engine?.run((core) => (core.glue as unknown as Inspected).inspect());
      return inspection && apart(inspection, "then");
    } catch {
      return undefined;
    }
  };
  const dispose = (): void => {
    if (disposed) return;
    disposed = true;
    disposeBase();
    safely(() => engine?.release())(undefined);
  };
  return Object.assign(base, { inspect, dispose });
}

/** The options, each read once, and none of a model that has no hash. */
function hold(options: RerankerOptions): RerankerOptions {
  const read = new Map<string | symbol, unknown>();
  const get = (target: object, name: string | symbol): unknown => {
    if (!read.has(name)) read.set(name, Reflect.get(target, name, target));
    return read.get(name);
  };
  return new Proxy(Object(options), {
    get(target, name) {
      const value = get(target, name);
      if (name === "modelIntegrity" && !(typeof value === "string" && sha384.test(value))) {
        const model = get(target, "modelUrl");
        if (model !== undefined && model !== null)
          throw new Refusal(
            "integrity",
            "nearside/full runs a model only with modelIntegrity, its hash, sha384-…",
          );
      }
      return value;
    },
  });
}
