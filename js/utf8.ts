// Texts as bytes and back. Made when first used: test runners' pages lack the two classes, and then older functions serve.

let encoder: TextEncoder | undefined;
let decoder: TextDecoder | undefined;

/** Writes a text as UTF-8, a half of a surrogate pair as U+FFFD; `bytes` has room for three a character. Answers how many it took. */
export function encodeInto(text: string, bytes: Uint8Array): number {
  try {
    encoder ??= new TextEncoder();
    return encoder.encodeInto(text, bytes).written;
  } catch {
    // guard: text-encoder
    const characters = unescape(encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")));
    for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
    return characters.length;
  }
}

/** A text as UTF-8. */
export function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(3 * text.length);
  return bytes.subarray(0, encodeInto(text, bytes));
}

/** Reads UTF-8. */
export function decode(bytes: Uint8Array): string {
  try {
    decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(bytes);
  } catch {
    // The page has no such class, or another in its place.
    let escaped = "";
    for (let i = 0; i < bytes.length; i++)
      escaped += `%${((bytes[i] as number) + 256).toString(16).slice(1)}`;
    return decodeURIComponent(escaped);
  }
}
