// Leaves out of wasm-bindgen's glue what no browser needs that can run the module at all: with WebAssembly SIMD (Chrome 91,
// Firefox 89, Safari 16.4) they all have encodeInto and FinalizationRegistry. About 0.2 KB in brotli.

import { Stop } from "./shell.mjs";

/** What is replaced, as esbuild prints it, and by what. */
const needless = [
  [/if \(!\("encodeInto" in cachedTextEncoder\)\) \{[\s\S]*?\n\}\n/, ""],
  [/typeof FinalizationRegistry === "undefined" \? \{[\s\S]*?\} : (?=new FinalizationRegistry)/, ""],
  // wasm-bindgen always passes it.
  [/ {2}if \(realloc === void 0\) \{[\s\S]*?\n {2}\}\n/, ""],
  // Of Safari's decoder, which fails after 2 GB: a page decodes a few names.
  [/ {2}numBytesDecoded \+= bytes\.length;\n {2}if \(numBytesDecoded >= [\s\S]*?\n {2}\}\n/, ""],
  // A page may go over to another module: the last good release's.
  [/(function initSync\(module\) \{\n) {2}if \(wasm !== void 0\) return wasm;\n/, "$1"],
  [/if \(Symbol\.dispose\) .*\n/, ""],
];

/** The glue without it. */
export function withoutFallbacks(glue) {
  return needless.reduce((text, [pattern, replacement]) => {
    if (!pattern.test(text)) throw new Stop(`The glue has nothing like ${pattern}: did wasm-bindgen change?`);
    return text.replace(pattern, replacement);
  }, glue);
}
