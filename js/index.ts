// The whole public API of the package. Importing it does nothing; everything begins with `createReranker`.

export { reasons, releaseReasons } from "./reasons.js";
export { createReranker } from "./reranker.js";
export { MemoryStore } from "./store.js";
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
  ReleaseOptions,
  ReleaseReason,
  Reranker,
  RerankerOptions,
  Store,
  Stored,
  WatchOptions,
} from "./types.js";
