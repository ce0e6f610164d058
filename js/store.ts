import { type IDBPDatabase, openDB } from "idb";
import type { Store } from "./types.js";

const name = "nearside";
const key = "history";

/** Keeps the history in memory: for tests, or where nothing may be kept on the device. It ends with the page. */
export class MemoryStore implements Store {
  #bytes: Uint8Array | undefined;

  async read(): Promise<Uint8Array | undefined> {
    return this.#bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#bytes = bytes.slice();
  }
}

/**
 * Keeps the history in IndexedDB: database `nearside`, one record. A page that is being left may add one or two
 * more, which the next update merges into the first.
 */
export class IdbStore {
  #opening: Promise<IDBPDatabase> | undefined;
  #database: IDBPDatabase | undefined;
  #running: { abort(): void } | undefined;

  /** All records. */
  read(): Promise<Uint8Array[]> {
    return this.#twice(async (database) => (await database.getAll(name)).filter(isBytes));
  }

  /** Replaces all records by the one that `change` makes of them, or leaves them, in one transaction. */
  update(change: (records: Uint8Array[]) => Uint8Array | undefined): Promise<void> {
    return this.#twice(async (database) => {
      const transaction = database.transaction(name, "readwrite");
      const { store, done } = transaction;
      this.#running = transaction;
      done.catch(() => {}); // awaited below, unless a request fails first
      const bytes = change((await store.getAll()).filter(isBytes));
      if (bytes) {
        store.clear().catch(() => {}); // fails the transaction, and with it the next request
        await store.put(bytes, key);
      }
      await done;
      this.#running = undefined;
    });
  }

  /**
   * Adds a record within this very turn, for a page that is about to go: no answer would reach it any more. A transaction that
   * waits for one is given up. `alone`: all other records go.
   */
  leave(bytes: Uint8Array, alone: boolean): void {
    try {
      this.#running?.abort();
    } catch {
      // It has just ended.
    }
    const transaction = this.#database?.transaction(name, "readwrite");
    transaction?.done.catch(() => {});
    if (alone) transaction?.store.clear().catch(() => {});
    transaction?.store.put(bytes).catch(() => {});
    transaction?.commit();
  }

  /** Closes the connection once running transactions have ended, so that the page may enter the back-forward cache. */
  close(): void {
    this.#opening?.then(
      (database) => database.close(),
      () => {},
    );
    this.#opening = undefined;
    this.#database = undefined;
  }

  /** Browsers drop connections (storage pressure, a restored page), so one failure is followed by one try on a new one. */
  async #twice<T>(use: (database: IDBPDatabase) => Promise<T>): Promise<T> {
    try {
      return await use(await this.#open());
    } catch {
      this.close();
      return use(await this.#open());
    }
  }

  async #open(): Promise<IDBPDatabase> {
    const close = () => this.close();
    this.#opening ??= openDB(name, 1, {
      upgrade: (database) => void database.createObjectStore(name, { autoIncrement: true }),
      blocking: close,
      terminated: close,
    });
    const opening = this.#opening;
    const database = await opening;
    if (this.#opening === opening) this.#database = database;
    return database;
  }
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
