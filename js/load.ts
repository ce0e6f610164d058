import { type AssetRequest, bytesOf, isSame, openAsset } from "./asset.js";
import { renewInstance, startInstance } from "./core.js";
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

/** The page's one WebAssembly instance, and its number; there is at most one more after a trap. */
let wasm: Loading<WebAssembly.Module> | undefined;
let instance = 0;
let traps = 0;
let broken = false;
let started = false;

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

/**
 * Loads the WebAssembly file once a page: the first that arrives serves all, unless it turns out bad and another is to `replace` it.
 * A failure is its own request's only, and is forgotten.
 */
export function loadWasm(request: AssetRequest, replace = false): Promise<WebAssembly.Module> {
  if (wasm && (isSame(wasm.request, request) || !replace)) {
    return isSame(wasm.request, request) ? wasm.file : wasm.file.catch(() => loadWasm(request));
  }
  const isCurrent = (): boolean => wasm?.file === file;
  const file: Promise<WebAssembly.Module> = start(request, isCurrent).catch((error) => {
    if (isCurrent()) wasm = undefined;
    throw error;
  });
  wasm = { request, file };
  return file;
}

/** Whether the file of this request is the page's. */
export function isLoaded(request: AssetRequest): boolean {
  return wasm !== undefined && isSame(wasm.request, request);
}

/** Loads a model once a page; a failure is forgotten. */
export function loadModel(request: AssetRequest): Promise<Uint8Array<ArrayBuffer>> {
  const known = models.find((model) => isSame(model.request, request));
  if (known) return known.file;
  const file = open(request).catch((error) => {
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

/** The number of the running instance. After a trap this is where the second one starts; a second trap was the last. */
export function liveInstance(): number {
  if (traps > 1) throw new Refusal("trap", "WebAssembly trapped twice");
  if (broken) {
    try {
      renew();
    } catch (error) {
      traps++;
      throw new Refusal("trap", textOf(error));
    }
  }
  return instance;
}

/** Notes that the running instance trapped: nothing may be called on it any more. */
export function noteTrap(): void {
  traps++;
  broken = true;
}

function renew(): void {
  renewInstance();
  broken = false;
  instance++;
}

async function open(request: AssetRequest): Promise<Uint8Array<ArrayBuffer>> {
  const content = await openAsset(request, deadline(patience));
  if (content instanceof WebAssembly.Module)
    throw new Refusal("load_failed", "modelUrl must not be a WebAssembly.Module");
  return bytesOf(content, request.option);
}

async function start(request: AssetRequest, isCurrent: () => boolean): Promise<WebAssembly.Module> {
  const content = await openAsset(request, deadline(patience));
  const module = content instanceof WebAssembly.Module ? content : await compile(content, request.option);
  if (!isCurrent()) throw new Refusal("load_failed", "another release's file took its place");
  try {
    if (started) renew(); // the glue keeps account of instances
    startInstance(module);
    started = true;
    await nextTask();
    return module;
  } catch (error) {
    // WebKit compiles what the page's policy forbids, and refuses the instance: of the empty module as well.
    if (!canInstantiate()) throw new Refusal("compile_blocked", `${blocked}: ${textOf(error)}`); // guard: instance-probe
    throw new Refusal("load_failed", `wasmUrl is not the file of this version: ${textOf(error)}`);
  }
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
    const reason = await WebAssembly.compile(empty()).then(
      () => "load_failed" as const,
      () => "compile_blocked" as const, // guard: compile-probe
    );
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
