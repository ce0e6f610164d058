import type { Platforms } from "./consent-platforms.js";
import { loadPart } from "./part.js";
import { quietly, safely } from "./quiet.js";
import { textOf } from "./refusal.js";
import { after } from "./timer.js";
import type { AutoConsent } from "./types.js";

/** Milliseconds that a consent platform is waited for, unless the page says otherwise; and what is the longest. */
const patience = 500;
const mostPatience = 60_000;
/** The longest text of what a page's consent function threw. */
const longest = 200;

/** A consent, as one reranker follows it. */
export interface Consent {
  /** Whether it holds now. Never throws. */
  allowed(): boolean;
  /** Why there is none, where the page's own option is at fault; else `""`. */
  trouble(): string;
  /** Settles when the page's consent platform has answered or is late; `undefined`: none is asked. Never rejects. */
  readonly answered: Promise<void> | undefined;
  /** The same for a ranking that has so many milliseconds: what is not on the page is waited for only by one that can wait as long as the page would. */
  answeredWithin(ms: number): Promise<void> | undefined;
}

/** What the page's consent platforms are asked for. */
export interface Question {
  /** The purposes of the TCF that need consent. */
  readonly purposes: readonly number[];
  /** Milliseconds until an answer is late. */
  readonly wait: number;
  /** Nothing is asked any more once it aborts. */
  readonly signal: AbortSignal;
  /** Told each new "no", and when there is consent. */
  onAnswer(allowed: boolean): void;
  /** Told when the answer is there. */
  settle(): void;
  /** Whether the answer is there, or is late: then nobody looks for a platform any more. */
  isSettled(): boolean;
  /** False: the reader's browser says no by Global Privacy Control. `null`: it says nothing. */
  privacyControl(): false | null;
  /** Given, not imported: so no bundler cuts the page's own script in pieces for it. */
  readonly after: typeof after;
  readonly safely: typeof safely;
}

/**
 * Follows the page's own word: only `true`, or a function that returns `true`, is consent, unless the reader's browser says no by Global
 * Privacy Control.
 *
 * With `"auto"` it follows the page's consent platform until `signal` aborts: every interface on the page must have answered, and none
 * "no"; Global Privacy Control is one more that may say no. `onAnswer` is told each new "no", and when there is consent. What asks the
 * platforms is loaded only then: a reader's first page view, which has to wait for it, has no history to rank by.
 */
export function followConsent(
  given: unknown,
  signal: AbortSignal,
  onAnswer: (allowed: boolean) => void,
): Consent {
  let answered: Promise<void> | undefined;
  let platforms: Platforms | undefined;
  let wait = patience;
  let trouble = "";

  const allowed = (): boolean => {
    try {
      if (answered) return platforms?.allowed() === true;
      if (privacyControl() === false) return false; // guard: gpc
      return isTrue(typeof given === "function" ? given() : given);
    } catch (error) {
      // guard: consent-throws
      trouble = `consent threw: ${textOf(error)}`.slice(0, longest);
      return false;
    }
  };

  /** The page's own word. */
  const isTrue = (word: unknown): boolean => {
    const isWord = typeof word === "boolean";
    if (!isWord) void quietly(() => word); // a promise may reject, and nobody waits for it
    trouble = isWord
      ? ""
      : `consent must be a boolean, a function that returns one, or "auto": ${typeof word}`;
    return word === true; // guard: consent-true
  };

  /** Asks the page's consent platforms. */
  const ask = ({ purposes: more = [5, 6], timeoutMs = patience }: AutoConsent): Promise<void> => {
    wait = timeoutMs >= 0 ? Math.min(timeoutMs, mostPatience) : patience;
    // To store; to make a profile for content, and to select content by it.
    const purposes = [1, ...more];
    return new Promise((resolve) => {
      let isOver = false;
      const settle = (): void => {
        isOver = true;
        stop();
        resolve();
      };
      const isSettled = (): boolean => isOver;
      const stop = after(wait, settle);
      signal.addEventListener("abort", safely(settle));
      void quietly(async () => {
        try {
          const { Platforms } = await loadPart("consent", () => import("./consent-platforms.js"));
          platforms = new Platforms({
            ...{ purposes, wait, signal, onAnswer, settle, isSettled, privacyControl, after, safely },
          });
          platforms.start();
        } catch (error) {
          trouble = textOf(error);
          settle();
          if (privacyControl() === false) onAnswer(false); // it is a no, whoever else cannot be asked
        }
      });
    });
  };

  try {
    const auto = (given === "auto" ? { signal: given } : given) as AutoConsent;
    if (auto.signal === "auto") answered = ask(auto);
  } catch {
    // There is nothing to follow: the answer stays no.
  }
  return {
    allowed,
    trouble: () => trouble,
    answered,
    answeredWithin: (ms) => (allowed() || (platforms?.areAbsent && ms < wait) ? undefined : answered),
  };
}

function privacyControl(): false | null {
  const { navigator } = globalThis as { navigator?: { globalPrivacyControl?: unknown } };
  return navigator?.globalPrivacyControl === true ? false : null;
}
