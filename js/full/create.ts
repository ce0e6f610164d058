import { engineOf } from "../engine.js";
import { profileOf } from "../profile.js";
import { Refusal } from "../refusal.js";
import { createReranker as createBase } from "../reranker.js";
import { readSettings } from "../settings.js";
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
  const held = hold(options);
  const settings = readSettings(held);
  const engine = engineOf(profileOf(settings.store), settings);
  const base = createBase(held);
  let disposed = false;
  const inspect = async (): Promise<Inspection | undefined> => {
    // What is stored is not told without consent, before loading has ended, or after `dispose`; nor is this.
    if (settings.refusal || settings.worker || !base.stored()) return undefined;
    try {
      return engine.run((core) => (core as unknown as Inspected).inspect());
    } catch {
      return undefined;
    }
  };
  const dispose = (): void => {
    if (disposed) return;
    disposed = true;
    base.dispose();
    engine.release();
  };
  // `ready` is a getter, and stays one.
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(base),
      inspect: { value: inspect, enumerable: true },
      dispose: { value: dispose, enumerable: true },
    },
  ) as Reranker;
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
