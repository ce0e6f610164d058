/**
 * Every reason an outcome can carry. `ranked` comes with the model's order, each other one with the server's.
 *
 * The list is closed: a new reason is a new minor version, and none changes its meaning.
 */
export const reasons = [
  "ranked",
  "cold",
  "unscored",
  "no_consent",
  "off",
  "unsupported",
  "load_failed",
  "integrity",
  "compile_blocked",
  "model_rejected",
  "model_unsupported",
  "bad_candidates",
  "nonfinite",
  "budget",
  "trap",
  "killed",
  "not_in_rollout",
  "breaker",
  "disposed",
  "internal",
] as const;

/**
 * Every reason why a release could not be used, which an outcome's `release` can carry: what is wrong with its manifest, then what is wrong
 * with its files. Closed as well.
 */
export const releaseReasons = [
  "sig_invalid",
  "expired",
  "rollback",
  "unsupported",
  "load_failed",
  "integrity",
  "compile_blocked",
  "model_rejected",
  "model_unsupported",
  "trap",
  "internal",
] as const;
