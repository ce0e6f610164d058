// The whole public API of the package. Importing it does nothing; everything begins with `createReranker`.

import { flavour } from "./default-flavour.js";
import { makeCreateReranker } from "./reranker.js";
import type { Reranker, RerankerOptions } from "./types.js";

export { reasons, releaseReasons } from "./reasons.js";
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

/**
 * Makes a reranker. Never throws: whatever is wrong with the options shows in each outcome. With consent, loading begins in the next task at the latest.
 *
 * Make one as early as possible and use it for all zones of the page.
 */
export const createReranker: (options: RerankerOptions) => Reranker = makeCreateReranker(flavour);
