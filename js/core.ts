import type { Columns } from "./candidates.js";
import type { Event } from "./event.js";
import { Refusal } from "./refusal.js";
import type { Reason } from "./types.js";
import { decode, encode } from "./utf8.js";
import { calls, events, rankings, refusals, row } from "./wire.js";

/** What wasm-bindgen writes for a flavour's WebAssembly. Nothing else calls into that. */
export interface Glue {
  readonly Core: new () => GlueCore;
  /** Starts the page's one instance of a module. */
  start(given: { module: WebAssembly.Module }): unknown;
  /** Starts another in its place: no core of the last one may be called any more. */
  renew(): void;
}

/** What it makes of a core. */
export interface GlueCore {
  call(call: number, bytes: Uint8Array, numbers: Float64Array): Uint8Array;
  free(): void;
}

/** What a core says of its model. */
export interface Described {
  readonly modelId: string;
  /** The name of its vector space. */
  readonly space: string;
  /** The names of its features, in its order. */
  readonly names: readonly string[];
}

/** One ranking, copied out of the core. */
export interface Ranked {
  /** `order[slot]` is the candidate that stands there. */
  readonly order: Uint32Array;
  /** `ranked`, or why the order is the server's. */
  readonly reason: Reason;
  /** How many candidates kept their slot because something in them cannot be used. */
  readonly skipped: number;
  /** Weight of the personal part. */
  readonly weight: number;
  /** Features, server logit, personal part and bound code of each ranked candidate, in the server's order. */
  readonly rows: Float32Array;
}

/**
 * The core, as TypeScript sees it: one model, one history, one list at a time. Nothing else in the package calls the WebAssembly. `src/wasm/wire.rs`
 * says what each call is.
 *
 * A method throws a refusal where the core refuses; whatever else it throws is a trap, after which the instance must be renewed.
 */
export class Core {
  /** What wasm-bindgen made of it. */
  readonly glue: GlueCore;

  /** Reads a model. It must be put to `check` before it ranks. */
  constructor(glue: Glue, model?: Uint8Array) {
    this.glue = new glue.Core();
    try {
      if (model) this.#ask("read", 0, [model]);
    } catch (error) {
      if (error instanceof Refusal) this.free();
      throw error;
    }
  }

  /** A core without a model, whose vectors are of `space`. */
  static history(glue: Glue, space: string): Core {
    const core = new Core(glue);
    core.#ask("history", 0, [space]);
    return core;
  }

  /** Runs the golden case of the model that was read: until then there is none. */
  check(): void {
    this.#ask("check");
  }

  describe(): Described {
    const [modelId = "", space = "", ...names] = decode(this.#ask("description")).split("\n");
    return { modelId, space, names };
  }

  /** Takes in a stored profile; `false` (and no change) where the bytes are none. `now` is in milliseconds since 1970, here as below. */
  mergeProfile(bytes: Uint8Array, now: number): boolean {
    return this.#ask("mergeProfile", now, [bytes])[0] === 1;
  }

  /** The same in place of what was known. */
  setProfile(bytes: Uint8Array, now: number): boolean {
    return this.#ask("setProfile", now, [bytes])[0] === 1;
  }

  /** The profile as stored. */
  profileBytes(now: number): Uint8Array {
    return this.#ask("profileBytes", now);
  }

  /** What is to be stored in place of two records: their sum and, if it is to add its `own`, this history. Nothing where one is of a later version. */
  profileOver(first: Uint8Array, second: Uint8Array, own: boolean, now: number): Uint8Array {
    return this.#ask("profileOver", now, [first, second], [Number(own)]);
  }

  /** Clicks, views, hides and generation. */
  profileCounts(now: number): Uint32Array {
    return new Uint32Array(this.#ask("profileCounts", now).buffer);
  }

  /** Empties the profile and starts a new generation. */
  erase(): void {
    this.#ask("erase");
  }

  /** Takes in an event; `false` where it came to nothing. */
  record({ kind, id, topic, subtopic, vector, seconds, at }: Omit<Event, "space">): boolean {
    return this.#ask("record", at, [id, topic, subtopic, vector], [events[kind], seconds])[0] === 1;
  }

  /** Ranks the list in `columns`, whose vectors are of `space`. */
  rank(columns: Columns, space: string, policy: Float64Array, now: number): Ranked {
    const all = rowsOf(columns, policy);
    const answer = new Float32Array(this.#ask("rank", now, [space, columns.text], all).buffer);
    const slots = answer[3] as number;
    return {
      order: new Uint32Array(answer.subarray(4, 4 + slots)),
      reason: rankings[answer[0] as number] as Reason,
      skipped: answer[1] as number,
      weight: answer[2] as number,
      rows: answer.slice(4 + slots),
    };
  }

  /** Gives its memory back. */
  free(): void {
    this.glue.free();
  }

  #ask(
    call: keyof typeof calls,
    now = 0,
    parts: readonly (string | Uint8Array)[] = [],
    numbers: ArrayLike<number> = [],
  ): Uint8Array<ArrayBuffer> {
    const all = new Float64Array(1 + parts.length + numbers.length);
    all[0] = now;
    all.set(numbers, 1 + parts.length);
    let bytes = new Uint8Array();
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as string | Uint8Array;
      const piece = typeof part === "string" ? encode(part) : part;
      all[1 + i] = piece.length;
      const before = bytes;
      bytes = new Uint8Array(before.length + piece.length);
      bytes.set(before);
      bytes.set(piece, before.length);
    }
    const answer = this.glue.call(calls[call], bytes, all);
    const said = answer.slice(4) as Uint8Array<ArrayBuffer>;
    if (answer[0]) throw new Refusal(refusals[answer[0] - 1] as Reason, decode(said));
    return said;
  }
}

/** The numbers of a list, a row for each candidate, behind what comes `before` them. */
export function rowsOf(
  { lengths, numbers, flags }: Columns,
  before: Float64Array = new Float64Array(),
): Float64Array {
  const first = before.length;
  const rows = new Float64Array(first + row * flags.length);
  rows.set(before);
  for (let i = 0; i < flags.length; i++) {
    const at = first + row * i;
    for (let part = 0; part < 4; part++) {
      rows[at + part] = lengths[4 * i + part] as number;
      rows[at + 4 + part] = numbers[4 * i + part] as number;
    }
    rows[at + 8] = flags[i] as number;
  }
  return rows;
}
