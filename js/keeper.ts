import { tellNews } from "./news.js";
import { IdbStore } from "./store.js";
import type { Store } from "./types.js";
import { within } from "./within.js";

/** How long a store may take to answer before the history stays in memory. */
const patience = 1000;

/** Makes one record of those stored; `undefined`: nothing is to change. */
type Change = (records: Uint8Array[]) => Uint8Array | undefined;

/** Talks to a store that may be missing, hang, throw or answer with garbage. Never throws or rejects. */
export class Keeper {
  /** Whether the store failed: it is not asked again, unless insisted. */
  trouble = false;
  readonly #store: Store | IdbStore;

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

  /** Lets `change` turn what is stored into what shall be. In trouble it is called without a store. Answers whether all went well. */
  async update(change: Change, insist = false): Promise<boolean> {
    let state: "open" | "failed" | "over" = "open";
    let wrote = false;
    const guarded: Change = (records) => {
      if (state === "over") return undefined; // the store answers after all, too late
      try {
        const bytes = change(records);
        wrote = bytes !== undefined;
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
    if (sound && wrote && this.#store instanceof IdbStore) tellNews(insist);
    return sound;
  }

  /**
   * Hands over what `change` makes of what other pages so handed over, if the store can take it. Throws where it is refused. In
   * trouble, too: `localStorage` may well work where IndexedDB does not answer, and the next page view merges it.
   */
  leave(change: Change, alone: boolean): void {
    if (!(this.#store instanceof IdbStore)) return;
    this.#store.leave(change, alone);
    tellNews(alone);
  }

  /** Ends the connection; the next use opens another. */
  close(): void {
    if (this.#store instanceof IdbStore) this.#store.close();
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await within(work(), patience, () => new Error("the store does not answer")); // guard: store-patience
      return true;
    } catch {
      // guard: store-fails
      this.trouble = true;
      this.close();
      return false;
    }
  }
}

async function update(store: Store | IdbStore, change: Change): Promise<void> {
  if (store instanceof IdbStore) return store.update(change);
  if (typeof store.update === "function") return store.update((bytes) => change(listOf(bytes)));
  const bytes = change(listOf(await store.read()));
  if (bytes) await store.write(bytes);
}

function listOf(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return [value];
  if (value === undefined || value === null) return [];
  throw new TypeError("a store must answer with bytes"); // guard: store-garbage
}
