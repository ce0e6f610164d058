// Stands in for dist/core.js and dist/nearside.js: a core of plain JavaScript whose every call a test can watch, slow down or spoil.
// Its profile is JSON under the same laws as the real one: union, and the higher generation wins whole. An event "ended …" is not taken in.

export const control = {
  /** Calls so far: `init`, `renew`, `new`, and the core's methods. */
  calls: [],
  /** Called before each call with its name and arguments; what it throws, the call throws. */
  before: () => {},
  /** Replaces the order that `rank` returns. */
  order: (order) => order,
  /** Instances so far. */
  instance: 0,
};

/** The page's own: what the core throws is one of its refusals. */
const { Refusal } = await import(
  new URL(`../../dist/refusal.js${new URL(import.meta.url).search}`, import.meta.url).href
);

const encode = (value) => new TextEncoder().encode(JSON.stringify(value));
const width = 2;

function call(name, ...args) {
  control.calls.push(name);
  try {
    control.before(name, ...args);
  } catch (error) {
    throw error?.refused ? new Refusal(error.refused, error.message) : error;
  }
}

/** What has the core refuse, in a page's `before`. */
export function coded(refused, message = "a sentence") {
  return Object.assign(new Error(message), { refused });
}

/** Also in the place of the flavour's glue: what starts an instance, and another. */
export function initSync({ module }) {
  call("init", module);
  if (!(module instanceof WebAssembly.Module)) throw new TypeError("not a module");
}

export function __wbg_reset_state() {
  call("renew");
  control.instance++;
}

export class Core {
  #instance = control.instance;
  #generation = 0;
  #events = new Set();

  constructor(_glue, model, name = "new") {
    call(name, model);
  }

  check() {
    this.#call("check");
  }

  static history(glue, space) {
    return new Core(glue, space, "history");
  }

  #call(name, ...args) {
    if (this.#instance !== control.instance) throw new Error("stale");
    call(name, ...args);
  }

  describe() {
    return { modelId: "fake-1", space: "fake-space", names: ["first", "second"] };
  }

  mergeProfile(bytes) {
    this.#call("mergeProfile", bytes);
    let other;
    try {
      other = JSON.parse(new TextDecoder().decode(bytes));
      if (!Array.isArray(other.events)) return false;
    } catch {
      return false;
    }
    if (other.generation < this.#generation) return true;
    if (other.generation > this.#generation) this.#events.clear();
    this.#generation = other.generation;
    for (const event of other.events) if (!event.startsWith("ended ")) this.#events.add(event);
    return true;
  }

  setProfile(bytes, now) {
    this.#generation = 0;
    this.#events.clear();
    return this.mergeProfile(bytes, now);
  }

  profileBytes(now) {
    this.#call("profileBytes", now);
    return encode({ generation: this.#generation, events: [...this.#events].sort() });
  }

  profileOver(first, second, own, now) {
    this.#call("profileOver", first, second, own, now);
    const sum = new Core(undefined, undefined, "sum");
    const read = [first, second].filter((bytes) => sum.mergeProfile(bytes));
    if (own || read.length === 0) sum.mergeProfile(this.profileBytes(now));
    return sum.profileBytes(now);
  }

  profileCounts(now) {
    this.#call("profileCounts", now);
    return Uint32Array.of(
      this.#count("clicked"),
      this.#count("viewed"),
      this.#count("hide"),
      this.#generation,
    );
  }

  #count(kind) {
    return [...this.#events].filter((event) => event.startsWith(`${kind} `)).length;
  }

  erase() {
    this.#call("erase");
    this.#generation++;
    this.#events.clear();
  }

  #note(name, ...args) {
    this.#call(name, ...args);
    this.#events.add([name, ...args].join(" "));
  }

  record({ kind, id, topic, subtopic, vector, seconds, at }) {
    const known = {
      viewed: [topic],
      clicked: [topic, subtopic, vector],
      dwelled: [seconds],
      hide: [topic, vector],
      unhide: [],
    };
    this.#note(kind, id, ...known[kind], at);
    return true;
  }

  /** Two clicks or more: turns the movable items around. */
  rank({ text, lengths, numbers, flags }, space, policy, now) {
    this.#call("rank", text.slice(), lengths.slice(), numbers.slice(), flags.slice(), space, policy, now);
    const ranked = this.#count("clicked") >= policy[2];
    const order = Uint32Array.from(flags, (_, i) => i);
    const movable = order.filter((i) => flags[i] === 0);
    if (ranked) movable.forEach((slot, i) => void order.set([movable[movable.length - 1 - i]], slot));
    const rows = Float32Array.from({ length: flags.length * (width + 3) }, (_, at) => {
      const row = Math.floor(at / (width + 3));
      return [row, row + 0.5, -row, row * 2, flags[row]][at % (width + 3)];
    });
    return {
      order: control.order(order),
      reason: ranked ? "ranked" : "cold",
      skipped: 1,
      weight: ranked ? 0.5 : 0,
      rows,
    };
  }

  free() {
    throw new Error("nothing frees a core");
  }
}
