import { tellNews } from "./news.js";
import { bounded, IdbStore } from "./store.js";
import type { Store } from "./types.js";
import { within } from "./within.js";

/** How often, and how many milliseconds each time, a store is waited for before the history stays in memory: a page is busy while it loads. */
const waits = 10;
const patience = 100;

/** Makes one record of those stored; the first of them, or `undefined`: nothing is to change. */
type Change = (records: Uint8Array[]) => Uint8Array | undefined;

/** Talks to a store that may be missing, hang, throw or answer with garbage. Never throws or rejects. */
export class Keeper {
  /** Whether the store failed: it is not asked again, unless insisted. */
  trouble = false;
  readonly #store: Store | IdbStore;
  /** Whether the failure was only that no answer came in time. */
  #late = false;

  constructor(store: Store | undefined) {
    this.#store = store ?? new IdbStore();
  }

  /** What is stored; nothing in trouble. */
  async read(): Promise<Uint8Array[]> {
    let records: Uint8Array[] = [];
    await this.#attempt(async () => {
      const store = this.#store;
      records = store instanceof IdbStore ? await store.read() : listOf(await store.read());
    });
    return records;
  }

  /**
   * Lets `change` turn what is stored into what shall be. In trouble it is called without a store. Answers whether all went well. Other
   * tabs are told of what was written, if it `isNews`.
   */
  async update(change: Change, isNews: () => boolean, insist = false): Promise<boolean> {
    let state: "open" | "failed" | "over" = "open";
    let wrote = false;
    const guarded: Change = (records) => {
      if (state === "over") return undefined; // the store answers after all, too late
      try {
        const bytes = change(records);
        wrote = bytes !== undefined && bytes !== records[0];
        return bytes;
      } catch {
        state = "failed"; // of the core's doing, not the store's
        return undefined;
      }
    };
    if (this.trouble && !insist) {
      guarded([]);
      return false;
    }
    const stored = await this.#attempt(() => update(this.#store, guarded));
    const sound = stored && state === "open";
    state = "over";
    if (!(this.#store instanceof IdbStore)) return sound;
    if (sound && wrote && isNews()) tellNews(insist);
    if (!sound && insist) this.#eraseLeft(this.#store, change);
    return sound;
  }

  /**
   * Hands over what `change` makes of what other pages so handed over, if the store can take it. Throws where it is refused. A
   * database that was merely late is one that the next page view may read; one that failed would never give back what is left now.
   */
  leave(change: Change, alone: boolean): void {
    if (!(this.#store instanceof IdbStore) || (this.trouble && !this.#late)) return;
    this.#store.leave(change, alone);
    tellNews(alone);
  }

  /** Where the database cannot be erased, what pages left beside it still can. */
  #eraseLeft(store: IdbStore, change: Change): void {
    try {
      store.leave((records) => (records.length > 0 ? change(records) : undefined), true);
    } catch {
      // The core trapped, or `localStorage` is refused: nothing is left there, or nothing can be done.
    }
  }

  /** Ends the connection; the next use opens another. */
  close(): void {
    if (this.#store instanceof IdbStore) this.#store.close();
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    const late = {}; // told from what the store throws
    try {
      await within(work(), patience, () => late, waits); // guard: store-patience
      return true;
    } catch (error) {
      // guard: store-fails
      this.trouble = true;
      this.#late = error === late;
      this.close();
      return false;
    }
  }
}

async function update(store: Store | IdbStore, change: Change): Promise<void> {
  if (store instanceof IdbStore) return await store.update(change);
  const changed = (value: unknown): Uint8Array | undefined => {
    const stored = listOf(value);
    const bytes = change(stored);
    return bytes === stored[0] ? undefined : bytes;
  };
  if (typeof store.update === "function") return await store.update(changed);
  const bytes = changed(await store.read());
  if (bytes) await store.write(bytes);
}

function listOf(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return [bounded(value)];
  if (value === undefined || value === null) return [];
  throw new TypeError(); // guard: store-garbage
}
