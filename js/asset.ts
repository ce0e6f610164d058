import { bytesOfResponse, hash } from "./bytes.js";
import { download } from "./download.js";
import { Refusal, textOf } from "./refusal.js";

/** One of the two files, with where it comes from. */
export interface AssetRequest {
  /** The option that overrides it; error texts name it. */
  readonly option: "wasmUrl" | "modelUrl";
  /** What to load: the option's value, or the URL beside the package's own files. */
  readonly source: () => unknown;
  /** Its hash, `sha384-…`, or of a release's file `sha256-…`. */
  readonly integrity: unknown;
  /** The hash of the package's own file: a URL without a hash is held to it. */
  readonly own?: string;
  /** Identifies the source. */
  readonly key: unknown;
}

/** Whether two requests are for the same file, held to the same hash: those are loaded once. */
export function isSame(one: AssetRequest, other: AssetRequest): boolean {
  return one.key === other.key && one.integrity === other.integrity;
}

/** What the option may hold once a promise has been awaited and a URL fetched. */
export type Content = Response | Uint8Array | WebAssembly.Module;

const hashes = /^sha(384-[A-Za-z0-9+/]{64}|256-[A-Za-z0-9+/]{43}=)$/;

/** What to do where the package's own files are not found. */
const remedy = "copy the package's nearside_bg.wasm and reranker.onnx there, or set wasmUrl and modelUrl";

/**
 * Gets one of the files. A response it answers with is complete and verified, or was handed over by the page.
 *
 * Throws a refusal: `integrity` where the content is not what the hash says, else `load_failed`.
 */
export async function openAsset(request: AssetRequest, signal: AbortSignal | undefined): Promise<Content> {
  const { option, integrity } = request;
  let source: unknown;
  try {
    source = await unlessAborted(request.source(), signal);
    if (typeof source === "string") source = new URL(source, globalThis.document?.baseURI);
  } catch (error) {
    // A bundle in classic form does not know where it lies, and so not where its files do.
    const why =
      request.key === "" ? `the script does not know its address; ${remedy}` : textOf(error).slice(0, 200);
    throw new Refusal("load_failed", `${option}: ${why}`);
  }
  if (isUrl(source)) return await openUrl(request, source as URL, signal);
  if (typeof WebAssembly === "object" && source instanceof WebAssembly.Module) return source;
  if (ArrayBuffer.isView(source))
    source = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer) source = new Uint8Array(source);
  if (typeof Response === "function" && source instanceof Response) {
    if (!source.ok) throw new Refusal("load_failed", `${option}: status ${source.status}`);
  } else if (!(source instanceof Uint8Array)) {
    throw new Refusal("load_failed", `${option} must be a URL, bytes, a Response or a WebAssembly.Module`);
  }
  if (integrity === undefined) return source;
  const bytes = await bytesOf(source, option);
  if ((await hash(bytes, integrity)) !== integrity)
    throw new Refusal("integrity", `${option} is not what its hash says`);
  return bytes;
}

/** The bytes of what was opened. */
export async function bytesOf(
  content: Response | Uint8Array,
  option: string,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return content instanceof Uint8Array ? new Uint8Array(content) : await bytesOfResponse(content);
  } catch (error) {
    throw new Refusal("load_failed", `${option}: ${textOf(error)}`);
  }
}

function openUrl(
  { option, integrity, own }: AssetRequest,
  url: URL,
  signal: AbortSignal | undefined,
): Promise<Response | Uint8Array> {
  const name = option.replace("Url", "Integrity");
  const held = integrity ?? own;
  if (typeof held !== "string" || !hashes.test(held))
    throw new Refusal("integrity", `${name} must be a hash, sha384-…`);
  const words =
    held === own
      ? { isNot: `not this version's file (another needs its hash, ${name})`, remedy }
      : { isNot: "not the file its hash says", remedy: `look at ${option} and ${name}` };
  return download({ url, integrity: held, ...words }, signal);
}

/** Whether it is the address of a file. */
export function isUrl(source: unknown): source is string | URL {
  try {
    return typeof source === "string" || source instanceof URL;
  } catch {
    return false; // what the page has for `URL` is no class
  }
}

function unlessAborted(source: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
    void (async () => {
      try {
        resolve(await source);
      } catch (error) {
        reject(error);
      }
    })();
  });
}
