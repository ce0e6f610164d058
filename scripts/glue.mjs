// Leaves out of wasm-bindgen's glue what no browser needs that can run the module at all: with WebAssembly SIMD (Chrome 91,
// Firefox 89, Safari 16.4) they all have encodeInto and FinalizationRegistry. About 0.3 KB in brotli.

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
  // Of modules that ask for a new instance of themselves; the SDK renews it after a trap.
  [/function __wbg_call_guard\(\) \{[\s\S]*?\n\}\n/, ""],
  [/ *__wbg_call_guard\(\);\n/g, ""],
  [/.*__wbg_reinit_scheduled = false;\n/g, ""],
  [/.*numBytesDecoded = 0;\n/g, ""],
  // Set before every use.
  [/ *if \(typeof WASM_VECTOR_LEN .*\n/, ""],
];

/** The glue without it. */
export function withoutFallbacks(glue) {
  const short = needless.reduce((text, [pattern, replacement]) => {
    if (!pattern.test(text)) throw new Stop(`The glue has nothing like ${pattern}: did wasm-bindgen change?`);
    return text.replace(pattern, replacement);
  }, glue);
  if (/__wbg_call_guard|__wbg_reinit|numBytesDecoded/.test(short))
    throw new Stop("The glue uses what scripts/glue.mjs leaves out: did wasm-bindgen change?");
  return short;
}
