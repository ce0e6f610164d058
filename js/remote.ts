import type { Columns } from "./candidates.js";
import type { Refusal } from "./refusal.js";
import type { Described, Scored } from "./score.js";
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
}

interface Waiting {
  readonly patience: number;
  resolve(result: Described | Scored): void;
  reject(error: unknown): void;
}

/** A ranking to be done, before the history is put to it. */
export type Task = Omit<RankJob, "profile" | "at">;

/**
 * A worker with a model in it, and what to do when it fails. It is loaded only by a page that asks for a worker.
 *
 * Nothing in here blocks: a worker that does not answer is ended, and what waits for it gets a `trap` refusal.
 */
export class Remote {
  readonly #url: unknown;
  readonly #page: Page;
  readonly #waiting = new Map<number, Waiting>();
  #files: LoadJob | undefined;
  #worker: Worker | undefined;
  #runs = false;
  #loaded: Promise<Described> | undefined;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts the worker. `url`: where its script lies; `true`: beside the package's own. Throws a refusal. */
  constructor(url: unknown, page: Page) {
    this.#url = url;
    this.#page = page;
    this.#start();
  }

  /** Loads a model. Rejects with a refusal, or with what the core threw. */
  load(files: LoadJob): Promise<Described> {
    this.#files = files;
    return this.#load();
  }

  /** Ranks. Rejects with a refusal. */
  async rank({ columns, ...rest }: Task): Promise<Scored> {
    const { text, lengths, numbers, flags } = columns;
    // The columns lie in buffers that the next list takes.
    const own: Columns = {
      text: text.slice(),
      lengths: lengths.slice(),
      numbers: numbers.slice(),
      flags: flags.slice(),
    };
    try {
      for (;;) {
        await this.#load();
        const erasures = this.#page.erasures();
        const job: RankJob = { ...rest, columns: own, profile: this.#page.bytes(), at: Date.now() };
        const scored = (await this.#call(job, patience)) as Scored;
        // What a history gave that was erased meanwhile is not shown any more.
        if (erasures === this.#page.erasures()) return scored;
      }
    } catch (error) {
      throw this.#page.refusalOf(error);
    }
  }

  /** Ends the worker. A later ranking starts another. */
  close(): void {
    this.#end(new this.#page.Refusal("disposed"));
  }

  #load(): Promise<Described> {
    if (!this.#loaded) {
      this.#loaded = this.#call(this.#files as LoadJob, loadingPatience) as Promise<Described>;
      this.#loaded.catch(() => {}); // whoever waits for it has it, too
    }
    return this.#loaded;
  }

  #start(): Worker {
    const { Refusal } = this.#page;
    if (typeof Worker !== "function") throw new Refusal("unsupported", "this browser has no workers");
    let worker: Worker;
    try {
      // Bundlers know these words and take the worker along.
      worker =
        this.#url === true
          ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
          : new Worker(this.#url as URL, { type: "module" });
    } catch (error) {
      throw this.#notStarted((error as Error).message);
    }
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault(); // else it is an error of the page, too
      const { message } = event;
      this.#end(this.#runs ? new Refusal("trap", message) : this.#notStarted(message));
    };
    this.#worker = worker;
    this.#runs = false;
    return worker;
  }

  async #call(job: LoadJob | RankJob, patience: number): Promise<Described | Scored> {
    if (failures > 1) throw new this.#page.Refusal("trap", "the worker failed twice");
    const worker = this.#worker ?? this.#start();
    const id = ++this.#last;
    const answer = new Promise<Described | Scored>((resolve, reject) => {
      this.#waiting.set(id, { patience, resolve, reject });
    });
    worker.postMessage({ id, job });
    if (this.#waiting.size === 1) this.#watch();
    return answer;
  }

  #take({ id, result, error }: Reply): void {
    this.#runs = true;
    const waiting = this.#waiting.get(id);
    if (waiting && error && this.#page.refusalOf(error).reason === "trap") {
      this.#end(this.#page.refusalOf(error));
    } else if (waiting) {
      this.#waiting.delete(id);
      if (result) waiting.resolve(result);
      else waiting.reject(error);
    }
    this.#watch();
  }

  /** Waits for the answer to the oldest job, which is the one the worker is at. */
  #watch(): void {
    clearTimeout(this.#timer);
    const [oldest] = this.#waiting.values();
    if (!oldest) return;
    const { patience } = oldest;
    let left = ticks;
    const tick = (): void => {
      if (left-- > 0) {
        this.#timer = setTimeout(tick, patience / ticks);
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
    const text = `the worker did not start; set workerUrl to its script, of the page's origin, and let worker-src allow it`;
    return new this.#page.Refusal("load_failed", why ? `${text}: ${why}` : text);
  }

  #end(refusal: Refusal): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    if (worker) {
      worker.onmessage = worker.onerror = null;
      worker.terminate();
    }
    this.#worker = undefined;
    this.#loaded = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (refusal.reason === "trap") {
      failures++;
      if (this.#files && failures < 2) void this.#load(); // so that the next ranking finds it ready
    }
    for (const one of waiting) one.reject(refusal);
  }
}
