import { type AssetRequest, bytesOf, isSame, openAsset } from "./asset.js";
import { Core } from "./core.js";
import type { Flavour } from "./flavour.js";
import { either } from "./quiet.js";
import { Refusal, textOf } from "./refusal.js";
import { nextTask } from "./task.js";
import { deadline } from "./timer.js";

/** How long a file may take. A page is long read by then, and a request that hangs must end. */
const patience = 30_000;

/** A module with one 128-bit SIMD instruction: `(func (result v128) i32.const 0 i8x16.splat)`. */
const simd = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
];

/** The empty module. */
const empty = () => new Uint8Array(simd.slice(0, 8));

/** What to do where nothing may be compiled. */
const blocked = "the page's content security policy must have 'wasm-unsafe-eval' in its script-src";

/** A file that was asked for. */
interface Loading<T> {
  readonly request: AssetRequest;
  readonly file: Promise<T>;
}

/** Models that were asked for. */
let models: Loading<Uint8Array<ArrayBuffer>>[] = [];

/** Throws an `unsupported` refusal where the engine has no WebAssembly, not all of it, or no SIMD. */
export function checkSupport(): void {
  if (typeof WebAssembly === "object" && typeof WebAssembly.Module !== "function")
    throw new Refusal("unsupported", "no WebAssembly.Module"); // guard: no-module
  if (typeof WebAssembly !== "object" || !WebAssembly.validate(new Uint8Array(simd))) {
    throw new Refusal("unsupported", "no WebAssembly with SIMD"); // guard: support
  }
}

/** A flavour's one WebAssembly instance on a page; there is at most one more after a trap. */
export class Instance {
  readonly flavour: Flavour;
  #wasm: Loading<WebAssembly.Module> | undefined;
  #number = 0;
  #traps = 0;
  #isBroken = false;
  #isStarted = false;

  constructor(flavour: Flavour) {
    this.flavour = flavour;
  }

  /** The number of the running instance. After a trap this is where the second one starts; a second trap was the last. */
  get number(): number {
    if (this.#traps > 1) throw new Refusal("trap", "WebAssembly trapped twice");
    if (this.#isBroken) {
      try {
        this.#renew();
      } catch (error) {
        this.#traps++;
        throw new Refusal("trap", textOf(error));
      }
    }
    return this.#number;
  }

  /** A core with this model; it must be put to `check` before it ranks. */
  read(model: Uint8Array): Core {
    return new Core(this.flavour.glue, model);
  }

  /** A core without a model, whose vectors are of `space`. */
  history(space: string): Core {
    return Core.history(this.flavour.glue, space);
  }

  /** Notes that the running instance trapped: nothing may be called on it any more. */
  noteTrap(): void {
    this.#traps++;
    this.#isBroken = true;
  }

  /** Whether the file of this request is the page's. */
  isOf(request: AssetRequest): boolean {
    return this.#wasm !== undefined && isSame(this.#wasm.request, request);
  }

  /**
   * Loads the WebAssembly file once a page: the first that arrives serves all, unless it turns out bad and another is to `replace` it.
   * A failure is its own request's only, and is forgotten.
   */
  load(request: AssetRequest, replace = false): Promise<WebAssembly.Module> {
    const wasm = this.#wasm;
    if (wasm && isSame(wasm.request, request)) return wasm.file;
    if (wasm && !replace) return either(wasm.file, () => this.load(request));
    const isCurrent = (): boolean => this.#wasm?.file === file;
    const file: Promise<WebAssembly.Module> = either(this.#start(request, isCurrent), (error) => {
      if (isCurrent()) this.#wasm = undefined;
      throw error;
    });
    this.#wasm = { request, file };
    return file;
  }

  async #start(request: AssetRequest, isCurrent: () => boolean): Promise<WebAssembly.Module> {
    const content = await openAsset(request, deadline(patience));
    const module = content instanceof WebAssembly.Module ? content : await compile(content, request.option);
    if (!isCurrent()) throw new Refusal("load_failed", "another release's file took its place");
    try {
      if (this.#isStarted) this.#renew(); // the glue keeps account of instances
      this.flavour.glue.start({ module });
      this.#isStarted = true;
      await nextTask();
      return module;
    } catch (error) {
      // WebKit compiles what the page's policy forbids, and refuses the instance: of the empty module as well.
      if (!canInstantiate()) throw new Refusal("compile_blocked", `${blocked}: ${textOf(error)}`); // guard: instance-probe
      throw new Refusal("load_failed", `wasmUrl is not the file of this version: ${textOf(error)}`);
    }
  }

  #renew(): void {
    this.flavour.glue.renew();
    this.#isBroken = false;
    this.#number++;
  }
}

/** Loads a model once a page; a failure is forgotten. */
export function loadModel(request: AssetRequest): Promise<Uint8Array<ArrayBuffer>> {
  const known = models.find((model) => isSame(model.request, request));
  if (known) return known.file;
  const file: Loading<Uint8Array<ArrayBuffer>>["file"] = either(open(request), (error) => {
    models = models.filter((model) => model.file !== file);
    throw error;
  });
  models.push({ request, file });
  return file;
}

/** Forgets a model that nobody wants any more. */
export function forgetModel(request: AssetRequest): void {
  models = models.filter((model) => !isSame(model.request, request));
}

async function open(request: AssetRequest): Promise<Uint8Array<ArrayBuffer>> {
  const content = await openAsset(request, deadline(patience));
  if (content instanceof WebAssembly.Module)
    throw new Refusal("load_failed", "modelUrl must not be a WebAssembly.Module");
  return await bytesOf(content, request.option);
}

async function compile(content: Response | Uint8Array, option: string): Promise<WebAssembly.Module> {
  try {
    // Streaming refuses other MIME types, and has then not read the body; hosts often send them.
    const streams = content instanceof Response && typeof WebAssembly.compileStreaming === "function"; // guard: streaming
    if (streams && content.headers.get("content-type") === "application/wasm") {
      // guard: stream-type
      return await WebAssembly.compileStreaming(content);
    }
    return await WebAssembly.compile(await bytesOf(content, option));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (!(error instanceof WebAssembly.CompileError))
      throw new Refusal("load_failed", `${option}: ${textOf(error)}`);
    // An empty module says whether it is these bytes or any.
    let reason: "load_failed" | "compile_blocked" = "load_failed";
    try {
      await WebAssembly.compile(empty());
    } catch {
      reason = "compile_blocked"; // guard: compile-probe
    }
    throw new Refusal(reason, `${reason === "load_failed" ? option : blocked}: ${textOf(error)}`);
  }
}

function canInstantiate(): boolean {
  try {
    return !!new WebAssembly.Instance(new WebAssembly.Module(empty()));
  } catch {
    return false;
  }
}
