import { Refusal } from "./refusal.js";

/** The bytes of a binary string, as `atob` gives one: each character stands for a byte. */
export function bytesOfBinary(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether `hash` can say anything. */
export function canHash(): boolean {
  try {
    return crypto.subtle !== undefined;
  } catch {
    return false;
  }
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

/**
 * The bytes of a response. Throws where it is a page: servers answer with one for what they do not have, and networks for
 * whatever is asked by those who must sign in.
 */
export async function bytesOfResponse(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const start = String.fromCharCode(...bytes.subarray(0, 99));
  const isText = /^[\t-~]/.test(start) && /html/i.test(response.headers.get("content-type") ?? "");
  if (isText || /^(ï»¿)?\s*</.test(start)) throw new Refusal("load_failed", "the answer is a page of HTML"); // guard: page
  return bytes;
}
