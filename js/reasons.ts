/**
 * Every reason an outcome can carry. `ranked` comes with the model's order, each other one with the server's.
 *
 * The list is closed: a new reason is a new minor version, and none changes its meaning.
 */
export const reasons = [
  "ranked",
  "cold",
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
  "sig_invalid",
  "expired",
  "rollback",
  "killed",
  "not_in_rollout",
  "breaker",
  "disposed",
  "internal",
] as const;
