import { safely } from "./quiet.js";
import { readGpp, readTcf } from "./signals.js";
import { after } from "./timer.js";
import type { AutoConsent } from "./types.js";

/** Milliseconds that a consent platform is waited for, unless the page says otherwise. */
const patience = 500;

/** A consent, as one reranker follows it. */
export interface Consent {
  /** Whether it holds now. Never throws. */
  allowed(): boolean;
  /** Settles when the page's consent platform has answered or is late; `undefined`: none is asked. Never rejects. */
  readonly answered: Promise<void> | undefined;
}

/** What a consent platform says: `undefined` for nothing, or nothing that can be read; `null` where there is no platform. */
type Answer = boolean | undefined | null;

type Read = (data: never, purposes: readonly number[]) => boolean | undefined;

type Host = Readonly<Record<string, unknown>> & { navigator?: { globalPrivacyControl?: unknown } };

/**
 * Follows the page's own word: only `true`, or a function that returns `true`, is consent. With `"auto"` it follows the page's consent
 * platform until `signal` aborts: every interface on the page must have answered, and none "no"; `onAnswer` is told what
 * changes. Global Privacy Control overrules both.
 */
export function followConsent(
  given: unknown,
  signal: AbortSignal,
  onAnswer: (allowed: boolean) => void,
): Consent {
  const host = globalThis as unknown as Host;
  let answered: Promise<void> | undefined;
  let settle = (): void => {};
  let asks: (() => Answer)[] = [];

  const allowed = (): boolean => {
    try {
      if (host.navigator?.globalPrivacyControl === true) {
        settle();
        return false; // guard: gpc
      }
      // What is no function throws.
      if (!answered) return given === true || (given as () => unknown)() === true; // guard: consent-true
      const answers = asks.map((ask) => ask());
      const isWaiting = answers.includes(undefined);
      if (!isWaiting) settle();
      return !isWaiting && answers.includes(true) && !answers.includes(false);
    } catch {
      // guard: consent-throws
      return false;
    }
  };

  /** Returns what asks one interface, if it is on the page, and answers with its last word. */
  const asker = (
    name: string,
    read: Read,
    purposes: readonly number[],
    ...version: number[]
  ): (() => Answer) => {
    let asked: unknown;
    let id: unknown;
    let answer: Answer;
    const call = (command: string, ...rest: unknown[]): void => {
      try {
        (host[name] as (...all: unknown[]) => void)(command, ...version, ...rest);
      } catch {
        // It counts as one that does not answer.
      }
    };
    const remove = (): void => call("removeEventListener", () => {}, id);
    const hear = (message: { listenerId?: unknown }, success: unknown): void => {
      const before = answer;
      answer = undefined;
      try {
        id = message.listenerId;
        if (success === true) answer = read(message as never, purposes) ?? before;
      } catch {
        // Garbage is no answer.
      }
      const yes = allowed();
      if (signal.aborted) remove();
      else if (answer !== before && (yes || answer === false)) safely(onAnswer)(yes);
    };
    signal.addEventListener("abort", safely(remove));
    return () => {
      const api = host[name];
      // Another function than the one that was asked, and has not answered, is a platform's in place of its stub.
      if (api && api !== asked && answer === undefined) {
        asked = api;
        call("addEventListener", hear);
      }
      return asked ? answer : null;
    };
  };

  try {
    const auto = (given === "auto" ? { signal: given } : given) as AutoConsent;
    if (auto.signal === "auto") {
      answered = new Promise((resolve) => {
        const end = after(auto.timeoutMs ?? patience, resolve);
        settle = () => resolve(end());
      });
      // To store; to make a profile for content, and to select content by it.
      const purposes = [1, ...(auto.purposes ?? [5, 6])];
      asks = [asker("__tcfapi", readTcf, purposes, 2), asker("__gpp", readGpp, purposes)];
      signal.addEventListener(
        "abort",
        safely(() => settle()),
      );
    }
  } catch {
    // There is nothing to follow: the answer stays no.
  }
  return { allowed, answered };
}
