// The full flavour: the same API over tract, which runs any ONNX model, and `inspect`. Importing it does nothing.

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
export { createReranker } from "./create.js";
export type { Inspection, ItemInspection, RankingInspection, Reranker, Value } from "./types.js";
