// The full flavour: the same API over tract, which runs any ONNX model, and `inspect`. Importing it does nothing.

import { makeCreateReranker } from "../reranker.js";
import type { RerankerOptions } from "../types.js";
import { flavour } from "./flavour.js";
import type { Reranker } from "./types.js";

export { reasons, releaseReasons } from "../reasons.js";
export { MemoryStore } from "../store.js";
export type {
  Application,
  Asset,
  AutoConsent,
  Bound,
  Candidate,
  CandidateExtension,
  Explanation,
  Feed,
  Outcome,
  Policy,
  Ranking,
  RankOptions,
  Reason,
  ReleaseReason,
  RerankerOptions,
  Store,
  Stored,
  WatchOptions,
} from "../types.js";
export type { Inspection, ItemInspection, RankingInspection, Reranker, Value } from "./types.js";

/**
 * Makes a reranker, as `createReranker` of the package does, whose model runs on tract.
 *
 * tract is only ever given bytes whose hash was checked: a `modelUrl` without its `modelIntegrity` is refused (`integrity`), in
 * whatever form the model comes.
 */
export const createReranker: (options: RerankerOptions) => Reranker = makeCreateReranker(flavour);
