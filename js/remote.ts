import type { Columns } from "./candidates.js";
import type { Described } from "./core.js";
import type { Refusal } from "./refusal.js";
import type { Scored } from "./score.js";
import type { LoadJob, RankJob, Reply } from "./serve.js";

/**
 * How long the worker may be silent while a ranking is due: far beyond what any page waits for an order, and beyond what the
 * heaviest model takes on a slow phone, so that only a call without an end is taken for one.
 */
const patience = 2000;
/** The same for loading: a script may come slowly, and a large model takes long. As long as for the other files. */
const loadingPatience = 30_000;
/** Patience is counted in so many timers one after another: a page that was frozen meanwhile spends one of them on it. */
const ticks = 4;

/** Workers of this page that trapped or hung. There is one more after the first; the second was the last. */
let failures = 0;

/** What it needs of the page's side. Given, not imported: so no bundler cuts the page's own script in pieces for it. */
export interface Page {
  readonly Refusal: new (reason: Refusal["reason"], message?: string) => Refusal;
  /** The refusal for what a core threw: `trap` unless the core has a name for it. */
  refusalOf(error: unknown): Refusal;
  /** The history's bytes by now. */
  bytes(): Uint8Array;
  /** How often the history was erased. */
  erasures(): number;
  /** Milliseconds since 1970. */
  date(): number;
  after(ms: number, work: () => void): () => void;
  quietly(work: () => unknown): Promise<void>;
  safely<A>(listener: (given: A) => unknown): (given: A) => void;
  apart<T extends object>(value: T, name: string): T;
}

/** The job the worker is at. */
interface Waiting {
  readonly id: number;
  resolve(result: Described | Scored): void;
  reject(error: unknown): void;
}

/** A ranking to be done, before the history is put to it. `until`: from when on nobody waits for it, in milliseconds since 1970. */
export interface Task extends Omit<RankJob, "profile" | "at"> {
  readonly until: number;
}

/**
 * A worker with a model in it, and what to do when it fails. It is loaded only by a page that asks for a worker.
 *
 * Nothing in here blocks: a worker that does not answer is ended, and what waits for it gets a `trap` refusal.
 */
export class Remote {
  readonly #url: unknown;
  readonly #page: Page;
  readonly #open: () => Worker;
  #waiting: Waiting | undefined;
  #turn: Promise<void> | undefined;
  #closed = 0;
  #files: LoadJob | undefined;
  #worker: Worker | undefined;
  #runs = false;
  #loaded: Promise<Described> | undefined;
  #last = 0;
  #stop: () => void = () => {};

  /** Starts the worker. `url`: where its script lies; `true`: where `open` starts it, beside the package's own files. Throws a refusal. */
  constructor(url: unknown, page: Page, open: () => Worker) {
    this.#url = url;
    this.#page = page;
    this.#open = open;
    this.#start();
  }

  /** Loads a model. Rejects with a refusal, or with what the core threw. */
  load(files: LoadJob): Promise<Described> {
    this.#files = files;
    return this.#load();
  }

  /** Ranks. Rejects with a refusal. */
  rank(task: Task): Promise<Scored> {
    const { text, lengths, numbers, flags } = task.columns;
    // They lie in buffers that the next list takes.
    const columns: Columns = {
      text: text.slice(),
      lengths: lengths.slice(),
      numbers: numbers.slice(),
      flags,
    };
    const closed = this.#closed;
    // One at a time: what nobody waits for any more never gets to the worker.
    const before = this.#turn;
    const ranking = (async () => {
      await before;
      return await this.#rank({ ...task, columns }, closed);
    })();
    this.#turn = this.#page.quietly(() => ranking);
    return ranking;
  }

  /** Ends the worker. A later ranking starts another. */
  close(): void {
    this.#closed++;
    this.#end(new this.#page.Refusal("disposed"));
  }

  async #rank({ until, ...task }: Task, closed: number): Promise<Scored> {
    const { Refusal, refusalOf, bytes, erasures } = this.#page;
    try {
      for (;;) {
        if (closed !== this.#closed) throw new Refusal("disposed");
        if (this.#page.date() > until) throw new Refusal("budget", "the worker was busy");
        await this.#load();
        const before = erasures();
        const scored = await this.#call({ ...task, profile: bytes(), at: this.#page.date() }, patience);
        // What a history gave that was erased meanwhile is not shown any more.
        if (before === erasures()) return scored as Scored;
      }
    } catch (error) {
      throw refusalOf(error);
    }
  }

  #load(): Promise<Described> {
    if (!this.#loaded) {
      this.#loaded = this.#call(this.#files as LoadJob, loadingPatience) as Promise<Described>;
      void this.#page.quietly(() => this.#loaded); // whoever waits for it has it, too
    }
    return this.#loaded;
  }

  #start(): Worker {
    const { Refusal } = this.#page;
    if (typeof Worker !== "function") throw new Refusal("unsupported", "this browser has no workers"); // guard: no-worker
    let worker: Worker;
    try {
      worker = this.#url === true ? this.#open() : new Worker(this.#url as URL, { type: "module" });
    } catch (error) {
      throw this.#notStarted((error as Error).message); // guard: worker-refused
    }
    worker.onmessage = this.#page.safely(({ data }) => this.#take(data));
    worker.onerror = this.#page.safely((event: ErrorEvent) => {
      // Else it is an error of the page, too.
      event.preventDefault(); // guard: worker-error
      const { message } = event;
      this.#end(this.#runs ? new Refusal("trap", message) : this.#notStarted(message));
    });
    this.#worker = worker;
    this.#runs = false;
    return worker;
  }

  async #call(job: LoadJob | RankJob, patience: number): Promise<Described | Scored> {
    if (failures > 1) throw new this.#page.Refusal("trap", "the worker failed twice");
    const worker = this.#worker ?? this.#start();
    const id = ++this.#last;
    worker.postMessage({ id, job }); // first: where it throws, nobody waits for an answer
    const answer = new Promise<Described | Scored>((resolve, reject) => {
      this.#waiting = { id, resolve, reject };
    });
    this.#watch(patience); // guard: worker-patience
    return answer;
  }

  #take({ id, result, error }: Reply): void {
    this.#runs = true;
    const waiting = this.#waiting;
    if (waiting?.id !== id) return;
    const refusal = error && new this.#page.Refusal(error.reason, error.message);
    if (refusal?.reason === "trap") {
      this.#end(refusal);
      return;
    }
    this.#stop();
    this.#waiting = undefined;
    if (result) waiting.resolve(this.#page.apart(result, "then"));
    else waiting.reject(refusal);
  }

  #watch(patience: number): void {
    let left = ticks;
    const tick = (): void => {
      if (left-- > 0) {
        this.#stop = this.#page.after(patience / ticks, tick);
        return;
      }
      const silent = `no answer within ${patience} ms`;
      this.#end(
        this.#runs ? new this.#page.Refusal("trap", `the worker: ${silent}`) : this.#notStarted(silent),
      );
    };
    tick();
  }

  #notStarted(why: string | undefined): Refusal {
    const text = `the worker did not start; set workerUrl to its script, of the page's origin (where Trusted Types are enforced, a TrustedScriptURL), and let worker-src allow it`;
    return new this.#page.Refusal("load_failed", why ? `${text}: ${why}` : text);
  }

  #end(refusal: Refusal): void {
    this.#stop();
    const worker = this.#worker;
    if (worker) {
      worker.onmessage = worker.onerror = null;
      worker.terminate();
    }
    this.#worker = undefined;
    this.#loaded = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (refusal.reason === "trap") {
      failures++;
      if (this.#files && failures < 2) void this.#load(); // so that the next ranking finds it ready
    }
    waiting?.reject(refusal);
  }
}
