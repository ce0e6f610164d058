import { bytesOfBinary, bytesOfResponse, canHash, hash } from "./bytes.js";
import { Refusal, textOf } from "./refusal.js";

/** A file at an address. */
export interface Download {
  readonly url: URL;
  /** The hash it must have. */
  readonly integrity: string;
  /** For messages: what to say of content that has another, and what to do about any fault. */
  readonly isNot: string;
  readonly remedy: string;
}

/** What came of asking for a file, and how often it may be asked for again. */
interface Trouble {
  readonly refusal: Refusal;
  left: number;
}

/** By hash and address, in this page view. */
let troubles: Map<string, Trouble> | undefined;

/** The most characters of a `data:` URL: 12 MB in base64, far more than the files of either flavour. */
const longest = 2 ** 24;

/**
 * Gets a file, complete and verified. One that does not come is asked for twice, to know why, and in a page view three times
 * at most; four times where nothing answers.
 *
 * Throws a refusal: `integrity` where the content is another, else `load_failed`.
 */
export async function download(
  file: Download,
  signal: AbortSignal | undefined,
): Promise<Response | Uint8Array> {
  const { url, integrity } = file;
  // Where nothing can be hashed here the browser must, which it does while it fetches.
  const isInline = url.protocol === "data:" && canHash(); // guard: data-url
  const id = `${integrity} ${url}`;
  const trouble = noted().get(id);
  if (trouble && trouble.left < 1) throw trouble.refusal; // guard: asked-enough
  // A page may have given all objects members; what is fetched is asked for without them.
  const init = { __proto__: null, ...(signal ? { signal } : {}) } as RequestInit;
  try {
    const response = isInline
      ? undefined
      : await fetch(url, { __proto__: null, ...init, integrity } as RequestInit);
    if (response?.ok) return response;
  } catch {
    // The browser does not say whether the network, the server or the hash was at fault.
  }
  if (trouble) {
    trouble.left--;
    throw trouble.refusal;
  }
  // So look at it. The HTTP cache is passed: an older version's file may lie there under the same name.
  const again = { __proto__: null, ...init, cache: "reload" } as RequestInit; // guard: stale
  if (!canHash()) again.integrity = integrity;
  const found = await lookAt(file, () => (isInline ? decode(url.href) : fetch(url, again)));
  if (found instanceof Uint8Array) return found;
  noted().set(id, found);
  throw found.refusal;
}

async function lookAt(
  { url, integrity, isNot, remedy }: Download,
  ask: () => Response | Promise<Response>,
): Promise<Uint8Array | Trouble> {
  const trouble = (reason: "load_failed" | "integrity", what: string, left: number): Trouble => ({
    refusal: new Refusal(reason, `${url.protocol === "data:" ? "data:…" : url}: ${what}; ${remedy}`),
    left,
  });
  try {
    const response = await ask();
    if (!response.ok) return trouble("load_failed", `status ${response.status}`, 1);
    const bytes = await bytesOfResponse(response);
    // Where nothing can be hashed here the browser has.
    return !canHash() || (await hash(bytes, integrity)) === integrity
      ? bytes
      : trouble("integrity", isNot, 0);
  } catch (error) {
    // A TypeError is no answer at all: the network may come back.
    return trouble("load_failed", textOf(error), (error as Error | undefined)?.name === "TypeError" ? 2 : 1);
  }
}

/** What a bundler wrote into its script because it is small: a page's policy rarely lets it be fetched. */
function decode(href: string): Response {
  const parts = href.length > longest ? undefined : /^[^,]*?(; *base64)?,([^#]*)/i.exec(href);
  const [, isBase64, data = ""] = parts ?? [];
  const text = data.replace(/%([\da-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
  return new Response(bytesOfBinary(isBase64 ? atob(text) : text));
}

function noted(): Map<string, Trouble> {
  troubles ??= new Map();
  return troubles;
}
