import type { Core, Glue } from "./core.js";
import type { startRemote } from "./default-remote.js";
import type { Reranker, RerankerOptions } from "./types.js";

/**
 * What one flavour of the package has of its own. All else is the same in all: flavours on one page share the reader's history, and each has an
 * instance of its own. `More`: what its rerankers have beside the members of all.
 */
export interface Flavour<More extends object = object> {
  /** What wasm-bindgen wrote for its WebAssembly. */
  readonly glue: Glue;
  /** Where its own files lie. */
  readonly wasmUrl: () => URL;
  readonly modelUrl: () => URL;
  /** The hashes of its own files, and the package's version. */
  readonly wasmIntegrity: string;
  readonly modelIntegrity: string;
  readonly glueIntegrity: string;
  readonly version: string;
  /** The version of the model contract that its core knows. */
  readonly contract: number;
  /** Loads the page's side of a worker, for pages that ask for one. */
  readonly remote: () => Promise<{ readonly startRemote: typeof startRemote }>;
  /** Throws a refusal where it does not take a model of the page's: `modelUrl` as it is given, and its hash. */
  readonly checkModel?: (source: unknown, integrity: RerankerOptions["modelIntegrity"]) => void;
  /** Gives a reranker what those of this flavour have beside the members of all. What these do must neither throw nor reject. */
  readonly extend?: (reranker: Reranker, look: Look) => Reranker & More;
}

/** Looks into the core with the model, brought up to date. `undefined` without consent, before loading has ended, after `dispose`, or where it fails. */
export type Look = <T>(work: (core: Core) => T) => T | undefined;
