import type { Reason } from "./types.js";

/** Why a list keeps the server's order. Thrown within the package only. */
export class Refusal extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message = "") {
    super(message);
    this.reason = reason;
  }
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
