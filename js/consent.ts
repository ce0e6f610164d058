import { quietly, safely } from "./quiet.js";
import { textOf } from "./refusal.js";
import { readGpp, readTcf } from "./signals.js";
import { after } from "./timer.js";
import type { AutoConsent } from "./types.js";

/** Milliseconds that a consent platform is waited for, unless the page says otherwise; and what is the longest. */
const patience = 500;
const mostPatience = 60_000;
/** How often a platform that is not on the page yet is looked for meanwhile. */
const pause = 50;
/** A platform that is replaced is asked anew, so many times: a getter may give another function each time. */
const mostAsked = 8;
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

/** What a consent platform says: `undefined` for nothing, or nothing that can be read; `null` where there is no platform. */
type Answer = boolean | undefined | null;

type Read = (data: never, purposes: readonly number[]) => boolean | undefined;

type Host = Readonly<Record<string, unknown>> & { navigator?: { globalPrivacyControl?: unknown } };

/**
 * Follows the page's own word: only `true`, or a function that returns `true`, is consent, unless the reader's browser says no by Global
 * Privacy Control.
 *
 * With `"auto"` it follows the page's consent platform until `signal` aborts: every interface on the page must have answered, and none
 * "no"; Global Privacy Control is one more that may say no. `onAnswer` is told each new "no", and when there is consent.
 */
export function followConsent(
  given: unknown,
  signal: AbortSignal,
  onAnswer: (allowed: boolean) => void,
): Consent {
  const host = globalThis as unknown as Host;
  let answered: Promise<void> | undefined;
  let settle = (): void => {};
  let wait = patience;
  let asks: (() => Answer)[] = [];
  let last: readonly Answer[] = [];
  let isYes = false;
  let trouble = "";

  const allowed = (): boolean => {
    try {
      if (answered) return look();
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
    if (word instanceof Promise) void quietly(() => word); // it may reject, and nobody waits for it
    const isWord = typeof word === "boolean";
    trouble = isWord
      ? ""
      : `consent must be a boolean, a function that returns one, or "auto": ${typeof word}`;
    return word === true; // guard: consent-true
  };

  const privacyControl = (): Answer => (host.navigator?.globalPrivacyControl === true ? false : null);

  /** Asks whom the page has by now, tells what is new, and returns whether there is consent. */
  const look = (): boolean => {
    const answers = asks.map((ask) => ask());
    const isNo = answers.includes(false);
    const isNewNo = answers.some((answer, i) => answer === false && last[i] !== false);
    const wasYes = isYes;
    isYes = !isNo && answers.includes(true) && !answers.includes(undefined);
    last = answers;
    // Where there is no document nobody brings a platform later.
    if (isNo || isYes || (isAbsent() && !globalThis.document)) settle();
    if (!signal.aborted && (isNewNo || (isYes && !wasYes))) safely(onAnswer)(isYes);
    return isYes;
  };

  const isAbsent = (): boolean => last.every((answer) => answer === null);

  /** Returns what asks one interface, if it is on the page, and answers with its last word. */
  const asker = (
    name: string,
    read: Read,
    purposes: readonly number[],
    ...version: number[]
  ): (() => Answer) => {
    let asked: unknown;
    let times = 0;
    let answer: Answer;
    const call = (command: string, ...rest: unknown[]): void => {
      try {
        (host[name] as (...all: unknown[]) => void)(command, ...version, ...rest);
      } catch {
        // It counts as one that does not answer.
      }
    };
    const listen = (): void => {
      let id: unknown;
      const remove = (): void => {
        if (id !== undefined) call("removeEventListener", () => {}, id);
      };
      signal.addEventListener("abort", safely(remove));
      call("addEventListener", (message: { listenerId?: unknown }, success: unknown): void => {
        const before = answer;
        answer = undefined;
        try {
          id = message.listenerId;
          if (success === true) answer = read(message as never, purposes) ?? before;
        } catch {
          // Garbage is no answer.
        }
        if (signal.aborted) remove();
        else allowed();
      });
    };
    return () => {
      const api = host[name];
      // Another function than the one that was asked is a platform's in place of its stub, or of another platform.
      if (api && api !== asked && times < mostAsked && !signal.aborted) {
        asked = api;
        times++;
        listen();
      }
      return asked ? answer : null;
    };
  };

  try {
    const auto = (given === "auto" ? { signal: given } : given) as AutoConsent;
    if (auto.signal === "auto") {
      // To store; to make a profile for content, and to select content by it.
      const purposes = [1, ...(auto.purposes ?? [5, 6])];
      const { timeoutMs = patience } = auto;
      wait = timeoutMs >= 0 ? Math.min(timeoutMs, mostPatience) : patience;
      asks = [privacyControl, asker("__tcfapi", readTcf, purposes, 2), asker("__gpp", readGpp, purposes)];
      answered = new Promise((resolve) => {
        let stop: (() => void) | undefined;
        // A tag manager may bring the platform at any time; once this has ended it is looked for at each use.
        const lookFor = (left: number): void => {
          stop = after(Math.min(left, pause), () => {
            allowed();
            if (left <= pause) settle();
            else if (stop) lookFor(left - pause);
          });
        };
        settle = () => {
          stop?.();
          stop = undefined;
          resolve();
        };
        lookFor(wait);
      });
      signal.addEventListener(
        "abort",
        safely(() => settle()),
      );
      const page = globalThis.document as Document | undefined;
      page?.addEventListener("DOMContentLoaded", allowed, { signal });
      globalThis.addEventListener?.("load", allowed, { signal });
    }
  } catch {
    // There is nothing to follow: the answer stays no.
  }
  return {
    allowed,
    trouble: () => trouble,
    answered,
    answeredWithin: (ms) => (allowed() || (isAbsent() && ms < wait) ? undefined : answered),
  };
}
