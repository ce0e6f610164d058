import { Refusal, textOf } from "./refusal.js";

/** One of the two files, with where it comes from. */
export interface AssetRequest {
  /** The option that overrides it; error texts name it. */
  readonly option: "wasmUrl" | "modelUrl";
  /** What to load: the option's value, or the URL beside the package's own files. */
  readonly source: () => unknown;
  /** Its hash, `sha384-…`, or of a release's file `sha256-…`. */
  readonly integrity: unknown;
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

/**
 * Gets one of the files. A response it answers with is complete and verified, or was handed over by the page.
 *
 * Throws a refusal: `integrity` where the content is not what the hash says or a URL has none, else `load_failed`.
 */
export async function openAsset(request: AssetRequest, signal: AbortSignal | undefined): Promise<Content> {
  const { option, integrity } = request;
  let source: unknown;
  try {
    source = await unlessAborted(request.source(), signal);
  } catch (error) {
    throw new Refusal("load_failed", `${option}: ${textOf(error)}`);
  }
  if (isUrl(source)) {
    if (typeof integrity === "string" && hashes.test(integrity))
      return fetchVerified(request, source, integrity, signal);
    throw new Refusal(
      "integrity",
      `${option} is a URL, so ${option.replace("Url", "Integrity")} must be its hash, sha384-…`,
    );
  }
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
    return content instanceof Uint8Array
      ? new Uint8Array(content)
      : new Uint8Array(await content.arrayBuffer());
  } catch (error) {
    throw new Refusal("load_failed", `${option}: ${textOf(error)}`);
  }
}

async function fetchVerified(
  { option }: AssetRequest,
  url: string | URL,
  integrity: string,
  signal: AbortSignal | undefined,
): Promise<Response | Uint8Array> {
  // A page may have given all objects members; what is fetched is asked for without them.
  const init: RequestInit = signal ? { signal } : {};
  let first: unknown;
  try {
    const response = await fetch(url, { __proto__: null, ...init, integrity } as RequestInit);
    if (response.ok) return response;
    throw new Error(`status ${response.status}`);
  } catch (error) {
    first = error;
  }
  // The browser does not say whether the network or the hash was at fault: look at what there is without the hash.
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    const response = await fetch(url, { __proto__: null, ...init, cache: "force-cache" } as RequestInit);
    if (!response.ok) throw new Error(`status ${response.status}`);
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new Refusal(
      "load_failed",
      `${url}: ${textOf(error)}; if the file lies elsewhere, set ${option} (first: ${textOf(first)})`,
    );
  }
  if ((await hash(bytes, integrity)) === integrity) return bytes;
  throw new Refusal(
    "integrity",
    `${url} is not the file its hash says; if another is meant, set ${option} and its hash`,
  );
}

/** The hash as in a script's `integrity`, by the algorithm of `like`, else SHA-384; `undefined` where the page is no secure context. */
export async function hash(bytes: Uint8Array<ArrayBuffer>, like?: unknown): Promise<string | undefined> {
  const size = String(like).startsWith("sha256") ? 256 : 384;
  try {
    const digest = await crypto.subtle.digest(`SHA-${size}`, bytes);
    return `sha${size}-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
  } catch {
    // guard: no-subtle
    return undefined;
  }
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
    Promise.resolve(source).then(resolve, reject);
  });
}
