import { reasons, releaseReasons } from "./reasons.js";
import type { Reason, ReleaseReason } from "./types.js";

/** Why a list keeps the server's order. Thrown within the package only; no `Error`, as a page may have anything in that one's place. */
export class Refusal {
  readonly reason: Reason | ReleaseReason;
  readonly message: string;

  constructor(reason: Reason | ReleaseReason, message = "") {
    this.reason = reason;
    this.message = brief(message); // guard: brief
  }
}

/** A message as a log takes it: without what a `data:` URL holds, and no address, or whatever else has no spaces, beyond 200 characters. */
function brief(message: string): string {
  return message
    .replace(/\bdata:[^\s,]*,\S*/gi, "data:…")
    .replace(/\S{201,}/g, (long) => `${long.slice(0, 199)}…`)
    .slice(0, 1000);
}

/** Anything caught, as a refusal. */
export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal("internal", textOf(error));
}

/** The message of anything caught; never throws. */
export function textOf(error: unknown): string {
  try {
    return String((error as Error | undefined)?.message ?? error);
  } catch {
    return "an error without a message";
  }
}

/** The reason as an outcome can carry it. */
export function reasonOf({ reason }: Refusal): Reason {
  return reasons.find((one) => one === reason) ?? "internal";
}

/** The reason as an outcome's `release` can carry it. */
export function releaseReasonOf({ reason }: Refusal): ReleaseReason {
  return releaseReasons.find((one) => one === reason) ?? "internal";
}
