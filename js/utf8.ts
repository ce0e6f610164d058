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

/** Reads UTF-8. */
export function decode(bytes: Uint8Array): string {
  try {
    decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(bytes);
  } catch {
    // Only the glue decodes, which takes this file's text as it is.
    let escaped = "";
    for (let i = 0; i < bytes.length; i++)
      escaped += `%${((bytes[i] as number) + 256).toString(16).slice(1)}`;
    return decodeURIComponent(escaped);
  }
}
