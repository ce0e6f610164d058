import type { Question } from "./consent.js";
import { readGpp, readTcf } from "./signals.js";

/** How often a platform that is not on the page yet is looked for. */
const pause = 50;
/** A platform that is replaced is asked anew, so many times: a getter may give another function each time. */
const mostAsked = 8;

/** What a consent platform says: `undefined` for nothing, or nothing that can be read; `null` where there is no platform. */
type Answer = boolean | undefined | null;

type Read = (data: never, purposes: readonly number[]) => boolean | undefined;

type Host = Readonly<Record<string, unknown>>;

/** The consent platforms of the page, by both interfaces of the IAB. It is loaded only by a page whose consent is `"auto"`. */
export class Platforms {
  readonly #question: Question;
  readonly #asks: (() => Answer)[];
  #last: readonly Answer[] = [];
  #isYes = false;

  constructor(question: Question) {
    this.#question = question;
    const { privacyControl } = question;
    this.#asks = [privacyControl, this.#asker("__tcfapi", readTcf, 2), this.#asker("__gpp", readGpp)];
  }

  /** Asks them, and looks out for those that are not on the page yet. */
  start(): void {
    const { signal, safely, wait } = this.#question;
    if (signal.aborted) return;
    this.#lookFor(wait);
    const look = safely(() => this.allowed());
    const page = globalThis.document as Document | undefined;
    page?.addEventListener("DOMContentLoaded", look, { signal });
    globalThis.addEventListener?.("load", look, { signal });
    look(undefined);
  }

  /** Whether no platform is on the page. */
  get areAbsent(): boolean {
    return this.#last.every((answer) => answer === null);
  }

  /** Asks whom the page has by now, tells what is new, and returns whether there is consent. */
  allowed(): boolean {
    const { signal, safely, settle, onAnswer } = this.#question;
    const answers = this.#asks.map((ask) => ask());
    const isNo = answers.includes(false);
    const isNewNo = answers.some((answer, i) => answer === false && this.#last[i] !== false);
    const wasYes = this.#isYes;
    this.#isYes = !isNo && answers.includes(true) && !answers.includes(undefined);
    this.#last = answers;
    // Where there is no document nobody brings a platform later.
    if (isNo || this.#isYes || (this.areAbsent && !globalThis.document)) settle();
    if (!signal.aborted && (isNewNo || (this.#isYes && !wasYes))) safely(onAnswer)(this.#isYes);
    return this.#isYes;
  }

  /** A tag manager may bring the platform at any time; once the answer is there, or late, it is looked for at each use. */
  #lookFor(left: number): void {
    const { after, isSettled } = this.#question;
    after(Math.min(left, pause), () => {
      if (isSettled()) return;
      this.allowed();
      if (left > pause) this.#lookFor(left - pause);
    });
  }

  /** Returns what asks one interface, if it is on the page, and answers with its last word. */
  #asker(name: string, read: Read, ...version: number[]): () => Answer {
    const { signal, purposes, safely } = this.#question;
    const host = globalThis as unknown as Host;
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
        else safely(() => this.allowed())(undefined);
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
  }
}
