import { Refusal } from "./refusal.js";
import type { Policy } from "./types.js";
import { knobs } from "./wire.js";

/** The policy as the core takes it: a number for each knob. Throws an `internal` refusal at one that is out of its range. */
export function readPolicy(policy: Policy | null | undefined): Float64Array {
  const numbers = knobs.map(([name, least, most, isWhole, otherwise]) => {
    const [member = "", part] = name.split(".");
    const given: unknown = policy?.[member as keyof Policy] ?? undefined;
    if (given === undefined || (part !== undefined && !given)) return otherwise; // `topicCap: false` is none
    const value = part === undefined ? given : (given as Record<string, unknown>)[part];
    const isInside = typeof value === "number" && value >= least && value <= most;
    if (isInside && (!isWhole || Number.isInteger(value) || value === Infinity)) return value;
    const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new Refusal("internal", `policy.${name} must be a ${isWhole ? "whole " : ""}number ${range}`);
  });
  return new Float64Array(numbers);
}
