import { date } from "./clock.js";
import { Seen } from "./copies.js";
import type { Core } from "./core.js";
import { type Event, tell } from "./event.js";
import { Keeper } from "./keeper.js";
import { quietly, safely } from "./quiet.js";
import { isMark, type Record, readRecord, timesErased, writeRecord } from "./record.js";
import { after } from "./timer.js";
import type { Store } from "./types.js";
import { mostErasures } from "./wire.js";

/** How much of a profile one core has taken in. */
export interface Cursor {
  snapshot: readonly Uint8Array[];
  next: number;
  forgotten: number;
  readonly epoch: number;
}

/** What a profile needs of an engine: `run` brings the core up to date and calls `work` on it, or throws. */
export interface Host {
  readonly live: boolean;
  /** Its model's vector space. */
  readonly space: string;
  load(): Promise<void>;
  run<T>(work: (core: Core, cursor: Cursor) => T): T;
}

/** Views are written this long after the first of them. */
const delay = 500;
/** Events kept for a core that is still to come. */
const longestJournal = 1000;

/** An event, and whose reranker was told of it. */
interface Entry {
  readonly event: Event;
  readonly host: Host;
}

/**
 * One history, whichever cores rank by it: bytes last merged with the store, and the events since. A core that traps takes
 * nothing with it: both are replayed into the next one, as they are into one that is loaded only after the first events.
 */
export class Profile {
  /** Stories seen in this page view; each is one view, however often it scrolls by. */
  readonly seen: Pick<Set<string>, "has" | "clear"> & { add(key: string): unknown };
  /** Whether other tabs have the same history. */
  readonly isShared: boolean;
  /** Told when the history is erased: what was derived from it goes, too. */
  readonly onForget: Set<() => void> = new Set();
  /** All in use that have a core for it. */
  readonly hosts: Set<Host> = new Set();
  readonly #keeper: Keeper;
  #snapshot: readonly Uint8Array[] = [];
  #journal: Entry[] = [];
  #first = 0;
  #forgotten = 0;
  #erasures = 0;
  #epoch = 0;
  /** What was stored when the page began, until it was looked at once. */
  #found: readonly Uint8Array[] | undefined;
  #isTidy = false;
  #begun: Promise<void> | undefined;
  #last: Promise<void> | undefined;
  #stop: (() => void) | undefined;
  #due: { host: Host; allowed: () => boolean; erasing?: true } | undefined;
  /** What of it a page about to go has stored. */
  #left: unknown;

  constructor(store: Store | undefined) {
    this.#keeper = new Keeper(store);
    this.isShared = !store;
    this.seen = store ? new Set() : new Seen();
  }

  /** How often the history was erased without a core; each core counts on from there. */
  get erasures(): number {
    return this.#erasures;
  }

  /** Changes when cores must begin anew, generation and all. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the history is kept in memory only because storage failed. */
  get trouble(): boolean {
    return this.#keeper.trouble;
  }

  /** Reads what is stored, once, before any core takes in events: those then belong to the generation they happened in. */
  begin(): Promise<void> {
    const forgotten = this.#forgotten;
    this.#begun ??= this.#inTurn(async () => {
      const found = await this.#keeper.read();
      const records = found.map(readRecord);
      if (forgotten !== this.#forgotten) return;
      this.#found = found;
      this.#learn(records);
      this.#snapshot = this.#current(records);
    });
    return this.#begun;
  }

  /** A cursor for a core that has taken in nothing. */
  cursor(): Cursor {
    return { snapshot: [], next: 0, forgotten: this.#forgotten, epoch: this.#epoch };
  }

  /** Brings a core up to date. `space` is its model's. */
  replay(core: Core, cursor: Cursor, space: string): void {
    if (cursor.forgotten !== this.#forgotten) {
      cursor.forgotten = this.#forgotten;
      core.erase();
    }
    if (cursor.snapshot !== this.#snapshot) mergeAll(core, this.#snapshot);
    cursor.snapshot = this.#snapshot;
    cursor.next = Math.max(cursor.next, this.#first);
    while (cursor.next < this.#first + this.#journal.length) {
      const { event, host } = this.#journal[cursor.next++ - this.#first] as Entry;
      tell(core, event, event.space || host.space, space);
    }
  }

  /** Notes an event and sees that it gets stored: at once if the page may be about to go, else soon. */
  add(event: Event, host: Host, allowed: () => boolean): void {
    this.#journal.push({ event, host });
    if (this.#journal.length > longestJournal) {
      this.#journal.shift();
      this.#first++;
    }
    this.#due = { host, allowed };
    if (event.kind !== "viewed") void quietly(() => this.flush());
    else this.#stop ??= after(delay, () => void quietly(() => this.flush()));
  }

  /** Stores what is pending, if anything. Never rejects. */
  async flush(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    const due = this.#due;
    if (due) await this.sync(due.host, due.allowed, true);
  }

  /**
   * Writes what is stored anew if something in it has ended, cannot be read, or was left by a page that is gone. It asks for nothing else,
   * and once. Never rejects.
   */
  async tidy(host: Host, allowed: () => boolean): Promise<void> {
    const found = this.#found;
    this.#found = undefined;
    try {
      if (!found?.length || this.#isTidy || !allowed()) return;
      if (this.#sum(host, found.map(readRecord), found, false) !== found[0]) await this.sync(host, allowed);
    } catch {
      // The core trapped: the next event sees to it.
    }
  }

  /** Takes another tab's word that the history was erased, whatever this one takes the stored one for. Never rejects. */
  async hearErasure(host: Host, allowed: () => boolean): Promise<void> {
    this.#forget();
    // Where the store does not answer, the cores count the erasure themselves.
    if (!this.trouble) {
      this.#epoch++;
      this.#erasures = 0;
      this.#begun = undefined;
    }
    if (!allowed()) return;
    await this.begin(); // what comes from now on is of the new history
    await this.sync(host, allowed);
  }

  /**
   * Takes in what is stored, by this tab and others, and adds what only this one knows, if something of it is pending. So tabs that know
   * different things, by their clocks, their consent or their models, do not answer each other for ever. Never rejects. `onlyDue`: if something
   * is still pending when its turn comes, as one merge stores all that happened before it. An erasure that comes first sees to it all itself.
   */
  async sync(host: Host, allowed: () => boolean, onlyDue = false): Promise<void> {
    const forgotten = this.#forgotten;
    const may = (): boolean => forgotten === this.#forgotten && allowed();
    try {
      if (!allowed()) return;
      await host.load();
    } catch {
      return; // without a core the events stay in the journal
    }
    await this.#inTurn(async () => {
      let due = this.#due;
      let merged = false;
      if (!may() || (onlyDue && !due)) return;
      const stored = await this.#keeper.update(
        (records) => {
          merged = may();
          due = this.#due;
          return merged ? this.#merge(due?.host.live ? due.host : host, records) : undefined;
        },
        () => due !== undefined, // what was learned from another document it has told itself
      );
      if (stored && merged && this.#due === due) this.#due = undefined;
    });
  }

  /** Stores what is pending at once, for a page that is about to go. `last`: nothing can follow, so the connection ends. */
  leave(last: boolean): void {
    const due = this.#due;
    try {
      if (due !== this.#left && due?.host.live && due.allowed()) {
        this.#keeper.leave((records) => this.#merge(due.host, records), due.erasing === true);
        this.#left = due;
      }
    } catch {
      // guard: leave
      // The core trapped, or `localStorage` is refused: what was not stored is lost.
    }
    if (last) this.#keeper.close(); // an open connection can keep a page out of the back-forward cache
  }

  /** Empties the history here and in the store. Answers whether the store has it. Never rejects. */
  async erase(host: Host | undefined, allowed: () => boolean): Promise<boolean> {
    this.#forget();
    this.#stop?.();
    this.#stop = undefined;
    const due = host && { host, allowed: () => true, erasing: true as const }; // should the page be left before the store answers
    this.#due = due;
    try {
      if (host) this.#snapshot = [host.run((core) => core.profileBytes(date()))];
    } catch {
      // The core trapped: the store is marked below.
    }
    const done = await this.#inTurn(() =>
      this.#keeper.update(
        (stored) => this.#eraseStored(host, allowed, stored),
        () => true,
        true,
      ),
    );
    if (done && this.#due === due) this.#due = undefined;
    return done;
  }

  /** After a restored page: storage that could not answer while the page was frozen gets another chance. */
  resume(): void {
    this.#keeper.trouble = false;
  }

  /** Ends the connection to the store when pending writes are through. */
  async close(): Promise<void> {
    await this.flush();
    await this.#inTurn(async () => this.#keeper.close());
  }

  #merge(host: Host, stored: Uint8Array[]): Uint8Array | undefined {
    const records = stored.map(readRecord);
    if (this.#learn(records)) this.#forget();
    this.#catchUp(host);
    host.run((core, cursor) => {
      mergeAll(core, this.#current(records));
      this.#keep(core, cursor);
    });
    const adds = this.#due !== undefined;
    const mayWrite = adds || stored.length > 1 || (stored.length > 0 && !this.#isTidy);
    this.#isTidy = true;
    return mayWrite ? this.#sum(host, records, stored, adds) : undefined;
  }

  /** What is to be stored: the sum of the records and, if it `adds`, of the history. The first of what is stored, if that is it. */
  #sum(
    host: Host,
    records: readonly Record[],
    stored: readonly Uint8Array[],
    adds: boolean,
  ): Uint8Array | undefined {
    const [first] = stored;
    if (!adds && records.every(isMark)) return first;
    const none = new Uint8Array();
    const [one = none, other = none] = records.map(({ erasures, profile }) =>
      erasures === this.#erasures ? profile : none,
    );
    const profile = host.run((core) => core.profileOver(one, other, adds, date()));
    if (profile.length === 0) return undefined;
    const bytes = writeRecord({ erasures: this.#erasures, profile });
    return first && same(bytes, first) ? first : bytes;
  }

  /** Has the other cores take in the events before they leave the journal: each keeps vectors of its own space only. */
  #catchUp(host: Host): void {
    for (const other of this.hosts) {
      try {
        if (other !== host && other.live) other.run(() => {});
      } catch {
        // It trapped: it has the entries from the snapshot.
      }
    }
  }

  #eraseStored(host: Host | undefined, allowed: () => boolean, stored: Uint8Array[]): Uint8Array | undefined {
    const records = stored.map(readRecord);
    const learned = this.#learn(records);
    // Another tab may hold what it has not stored yet, but not without consent; and without consent nothing is written.
    if (records.every(isMark) && !allowed()) return undefined;
    if (learned) this.#snapshot = [];
    try {
      if (host) {
        // What is stored may be of a later generation than this page knew: its entries end too.
        const before = host.run((core, cursor) => {
          mergeAll(core, this.#current(records));
          const [clicks = 0, views = 0, hides = 0, generation = 0] = core.profileCounts(date());
          if (learned || clicks + views + hides > 0) core.erase();
          cursor.next = this.#first; // whatever came since the erasure is taken in again
          return generation;
        });
        // Behind the last generation only a mark is above it.
        if (before < mostErasures) {
          const profile = host.run((core, cursor) => this.#keep(core, cursor));
          return writeRecord({ erasures: this.#erasures, profile });
        }
      }
    } catch {
      // The core trapped: mark the record instead.
    }
    const counts = records.map(({ erasures }) => erasures);
    const next = [records.map(timesErased), counts].map((all) => Math.max(this.#erasures, ...all) + 1);
    this.#erasures = next.find((count) => count <= mostErasures) ?? 1; // which is above the last that is counted
    this.#epoch++;
    this.#snapshot = [];
    return writeRecord({ erasures: this.#erasures, profile: new Uint8Array() });
  }

  /** Takes over a higher number of erasures; answers whether there was one. */
  #learn(records: readonly Record[]): boolean {
    const before = this.#erasures;
    const counts = records.map(({ erasures }) => erasures);
    const highest = Math.max(before, ...counts);
    // Behind the last that is counted comes the first.
    const behind = highest === mostErasures ? Math.max(...counts.filter((count) => count < highest), 0) : 0;
    this.#erasures = behind || highest;
    const learned = this.#erasures !== before;
    if (learned) this.#epoch++;
    return learned;
  }

  /** The profiles that no erasure has ended. */
  #current(records: readonly Record[]): Uint8Array[] {
    return records.filter(({ erasures }) => erasures === this.#erasures).map(({ profile }) => profile);
  }

  /** Folds what the core has taken in into the snapshot. */
  #keep(core: Core, cursor: Cursor): Uint8Array {
    const bytes = core.profileBytes(date());
    this.#journal.splice(0, cursor.next - this.#first);
    this.#first = cursor.next;
    this.#snapshot = [bytes];
    cursor.snapshot = this.#snapshot;
    return bytes;
  }

  #forget(): void {
    this.#first += this.#journal.length;
    this.#journal = [];
    this.#snapshot = [];
    this.#forgotten++;
    this.seen.clear();
    for (const tell of this.onForget) safely(tell)(undefined);
  }

  /** One use of the store at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const turn = (async () => {
      await before;
      return await work();
    })();
    this.#last = quietly(() => turn);
    return turn;
  }
}

function mergeAll(core: Core, profiles: readonly Uint8Array[]): void {
  for (const profile of profiles) core.mergeProfile(profile, date());
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Profiles of this page: one for the default store, one for each other. */
let main: Profile | undefined;
let others: WeakMap<object, Profile> | undefined;

/** The history that every reranker with this store shares. */
export function profileOf(store: Store | undefined): Profile {
  if (!store) {
    main ??= new Profile(undefined);
    return main;
  }
  others ??= new WeakMap();
  let profile = others.get(store);
  if (!profile) {
    profile = new Profile(store);
    others.set(store, profile);
  }
  return profile;
}
