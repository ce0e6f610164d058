import { promisifyRequest } from "idb-keyval";
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
 * Keeps the history in IndexedDB: database `nearside`, one record. A page that is being left puts one more into
 * `localStorage`, which the next update merges into the first: what IndexedDB is told then comes too late now and again.
 */
export class IdbStore {
  #opening: Promise<IDBDatabase> | undefined;
  #database: IDBDatabase | undefined;

  /** All records. */
  read(): Promise<Uint8Array[]> {
    return this.#twice(async (database) => {
      const stored = await promisifyRequest(open(database, "readonly").get(key));
      return records(stored, leftText());
    });
  }

  /** Replaces all records by the one that `change` makes of them, or leaves them, in one transaction. */
  update(change: (records: Uint8Array[]) => Uint8Array | undefined): Promise<void> {
    return this.#twice(async (database) => {
      const store = open(database, "readwrite");
      const done = promisifyRequest(store.transaction);
      // Awaited below, unless a request fails first.
      done.catch(() => {}); // guard: update-unawaited
      const stored = await promisifyRequest(store.get(key));
      const left = leftText();
      const bytes = change(records(stored, left));
      if (bytes) await promisifyRequest(store.put(bytes, key));
      await done;
      if (bytes && left !== "" && left === leftText()) localStorage.removeItem(name);
    });
  }

  /**
   * Adds what `change` makes of the records that pages have left, within this very turn, for a page that is about to go: no answer
   * would reach it any more. `alone`: what is in IndexedDB goes.
   */
  leave(change: (records: Uint8Array[]) => Uint8Array | undefined, alone: boolean): void {
    const bytes = change(records(undefined, leftText()));
    if (bytes) localStorage.setItem(name, String.fromCharCode(...bytes));
    if (alone && this.#database) open(this.#database, "readwrite").clear();
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
  async #twice<T>(use: (database: IDBDatabase) => Promise<T>): Promise<T> {
    try {
      return await use(await this.#open());
    } catch {
      this.close();
      return use(await this.#open()); // guard: twice
    }
  }

  async #open(): Promise<IDBDatabase> {
    const opening = this.#opening ?? this.#connect();
    this.#opening = opening;
    const database = await opening;
    if (this.#opening === opening) this.#database = database;
    return database;
  }

  async #connect(): Promise<IDBDatabase> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => void request.result.createObjectStore(name);
    const database = await promisifyRequest(request);
    database.onversionchange = database.onclose = () => this.close(); // guard: versionchange
    return database;
  }
}

function open(database: IDBDatabase, mode: IDBTransactionMode): IDBObjectStore {
  return database.transaction(name, mode).objectStore(name);
}

/** The records among what is stored and what was left; its characters are bytes. */
function records(stored: unknown, left: string): Uint8Array[] {
  const bytes = left === "" ? undefined : Uint8Array.from(left, (character) => character.charCodeAt(0));
  return [stored, bytes].filter((one) => one instanceof Uint8Array);
}

/** Whether there is a database, or what a page left. Makes neither. Where the browser does not tell, there may be. */
export async function holdsAnything(): Promise<boolean> {
  try {
    return leftText() !== "" || (await indexedDB.databases()).some((database) => database.name === name);
  } catch {
    return true;
  }
}

/** What a page left; nothing where `localStorage` is refused. */
function leftText(): string {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    // guard: left-read
    return "";
  }
}
