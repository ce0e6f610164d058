import { promisifyRequest } from "idb-keyval";
import { tellNews } from "./news.js";
import { quietly, safely } from "./quiet.js";
import { after } from "./timer.js";
import type { Store } from "./types.js";

const name = "nearside";
const key = "history";
/** No record is longer; what is, is not read. */
const most = 2 ** 14;
/** How long taking all away may take, in milliseconds: other tabs close the database when they hear of it. */
const patience = 1000;

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
      const left = leftText(); // first: another page may move it into the database meanwhile
      return records(await promisifyRequest(open(database, "readonly").get(key)), left);
    });
  }

  /** Replaces all records by the one that `change` makes of them, or leaves them, in one transaction. Answered with the first, it only takes the other away. */
  update(change: (records: Uint8Array[]) => Uint8Array | undefined): Promise<void> {
    return this.#twice(async (database) => {
      const store = open(database, "readwrite");
      const done = promisifyRequest(store.transaction);
      void quietly(() => done); // guard: update-unawaited
      const stored = await promisifyRequest(store.get(key));
      const left = leftText();
      const all = records(stored, left);
      const bytes = change(all);
      if (bytes && (stored === undefined || bytes !== all[0])) await promisifyRequest(store.put(bytes, key));
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
    const opening = this.#opening;
    void quietly(async () => (await opening)?.close());
    this.#opening = undefined;
    this.#database = undefined;
  }

  /** Browsers drop connections (storage pressure, a restored page), so one failure is followed by one try on a new one. */
  async #twice<T>(use: (database: IDBDatabase) => Promise<T>): Promise<T> {
    try {
      return await use(await this.#open());
    } catch {
      this.close();
      return await use(await this.#open()); // guard: twice
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
    const database = await this.#request();
    if (isOurs(database)) return database;
    // Half made, or of another make: the store of our name is made anew.
    const next = database.version + 1;
    database.close();
    return await this.#request(next);
  }

  /** Opens the database, whichever its version, or makes it. */
  #request(version?: number): Promise<IDBDatabase> {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => {
      const { result } = request;
      if (result.objectStoreNames.contains(name)) result.deleteObjectStore(name);
      result.createObjectStore(name);
    };
    // Here, and not once the promise has told of it: whatever becomes of that, others must be able to delete it.
    request.addEventListener("success", () => {
      const database = request.result;
      database.onversionchange = database.onclose = () => {
        database.close(); // guard: versionchange
        this.close();
      };
    });
    return promisifyRequest(request);
  }
}

/** Whether a database has the store of ours, in which a key is what it is put under. */
function isOurs(database: IDBDatabase): boolean {
  return database.objectStoreNames.contains(name) && open(database, "readonly").keyPath === null;
}

function open(database: IDBDatabase, mode: IDBTransactionMode): IDBObjectStore {
  return database.transaction(name, mode).objectStore(name);
}

/** The records among what is stored and what was left; its characters are bytes. What can be none is one of no bytes. */
function records(stored: unknown, left: string): Uint8Array[] {
  const all: Uint8Array[] = [];
  if (stored !== undefined) all.push(bounded(stored));
  if (left.length > most) all.push(new Uint8Array());
  else if (left !== "") all.push(Uint8Array.from(left, (character) => character.charCodeAt(0)));
  return all;
}

/** A stored value, if it can be a record, or no bytes. */
export function bounded(value: unknown): Uint8Array {
  return value instanceof Uint8Array && value.length <= most ? value : new Uint8Array();
}

/**
 * Takes away all that is stored, unread: for an erasure in a page where nothing else works, or of a database that does not. What was left beside
 * it goes with it, as it may hold the mark that ends what stays; `alone`: in any case, as there is nobody to write one. Answers whether all is
 * gone. Never rejects.
 */
export function wipe(alone = false): Promise<boolean> {
  return new Promise((resolve) => {
    const end = after(patience, () => resolve(false));
    const settle = (isGone: boolean): void => {
      end();
      if (isGone || alone) safely(() => localStorage.removeItem(name))(undefined);
      if (isGone) tellNews(true);
      resolve(isGone);
    };
    try {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = () => settle(true);
      request.onerror = () => settle(false);
    } catch {
      settle(false);
    }
  });
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
