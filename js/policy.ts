import { Refusal } from "./refusal.js";
import type { Policy } from "./types.js";

/** The policy as the core takes it: strength, k, minimum evidence, maximum displacement, cap limit, cap window. */
export function readPolicy(policy: Policy | null | undefined): Float64Array {
  const k = policy?.k;
  const cap = policy?.topicCap;
  return new Float64Array([
    within("strength", policy?.strength ?? 0.8, 0, 10),
    k === undefined || k === null ? Number.NaN : within("k", k, 1e-6, 1000),
    within("minimumEvidence", policy?.minimumEvidence ?? 2, 0, 1e6),
    whole("maximumDisplacement", policy?.maximumDisplacement ?? 10, 0),
    cap ? whole("topicCap.limit", cap.limit, 1) : Number.NaN,
    cap ? whole("topicCap.window", cap.window, 1) : Number.NaN,
  ]);
}

function within(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new Refusal("internal", `policy.${name} must be a number from ${least} to ${most}`);
}

function whole(name: string, value: unknown, least: number): number {
  if (typeof value === "number" && value >= least && (Number.isInteger(value) || value === Infinity))
    return value;
  throw new Refusal("internal", `policy.${name} must be a whole number of at least ${least}`);
}
