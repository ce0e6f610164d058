// Rewrites wasm-bindgen's glue. What it builds at import is built when it is first used: importing the package must not fail in a page
// that lacks a class, such as a test runner's. What no browser needs that can run the module at all is left out. And its objects'
// properties are defined by descriptors that inherit nothing, as a page may have given all objects a `get`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, Stop } from "./shell.mjs";

/** What is replaced, as esbuild prints it, and by what; `may`: only glue for methods that take texts has it. */
const may = true;
const changes = [
  [/let cachedTextDecoder = [\s\S]*?\n(?=let WASM_VECTOR_LEN|const cachedTextEncoder)/, ""],
  [/const cachedTextEncoder = new TextEncoder\(\);\n/, "", may],
  [/if \(!\("encodeInto" in cachedTextEncoder\)\) \{[\s\S]*?\n\}\n/, "", may],
  [
    /const ret = cachedTextEncoder\.encodeInto\(arg, view\);\n(\s*)offset \+= ret\.written;/,
    "offset += encodeInto(arg, view);",
    may,
  ],
  [/return decodeText\(/, "return decode("],
  [
    /const CoreFinalization = typeof FinalizationRegistry === "undefined" \? \{[\s\S]*?\} : (new FinalizationRegistry\([\s\S]*?\n\}\));\n/,
    `let finalization;
function finalizationOfCores() {
  try {
    return finalization ??= $1;
  } catch {
    return finalization = { register() {
    }, unregister() {
    } };
  }
}
`,
  ],
  [/\bCoreFinalization\./g, "finalizationOfCores()."],
  [/"__wbg_inst", \{ value/g, '"__wbg_inst", { __proto__: null, value'],
  // wasm-bindgen always passes it.
  [/ {2}if \(realloc === void 0\) \{[\s\S]*?\n {2}\}\n/, "", may],
  // A page may go over to another module: the last good release's.
  [/"Invalid stale object from previous Wasm instance"/g, '"of an instance that is gone"'],
  // The SDK always hands over a module that is compiled.
  [
    /function initSync\(module\) \{\n {2}if \(wasm !== void 0\) return wasm;\n[\s\S]*?( {2}const imports = .*\n)[\s\S]*?( {2}const instance = )/,
    "function initSync({ module }) {\n$1$2",
  ],
  [/if \(Symbol\.dispose\) .*\n/, ""],
  // Of modules that ask for a new instance of themselves; the SDK renews it after a trap.
  [/function __wbg_call_guard\(\) \{[\s\S]*?\n\}\n/, ""],
  [/ *__wbg_call_guard\(\);\n/g, ""],
  [/.*__wbg_reinit_scheduled = false;\n/g, ""],
  [/.*numBytesDecoded = 0;\n/g, ""],
  // Set before every use.
  [/ *if \(typeof WASM_VECTOR_LEN .*\n/, ""],
];

/** The glue as it is shipped, for a module that imports functions of these names. */
export async function rewritten(glue, imported) {
  const text = changes.reduce((text, [pattern, replacement, isOptional]) => {
    if (!isOptional && !pattern.test(text))
      throw new Stop(`The glue has nothing like ${pattern}: did wasm-bindgen change?`);
    return text.replace(pattern, replacement);
  }, glue);
  if (/__wbg_call_guard|__wbg_reinit|numBytesDecoded|cachedText|decodeText|CoreFinalization/.test(text))
    throw new Stop("The glue uses what scripts/glue.mjs leaves out: did wasm-bindgen change?");
  const needed = text.replaceAll(/^ {4}(\w+): function\([^)]*\) \{\n[\s\S]*?\n {4}\},?\n/gm, (whole, name) =>
    imported.has(name) ? whole : "",
  );
  // Here, and not above: the scripts that install npm's packages import this one.
  const { transform } = await import("esbuild");
  return (await transform(needed + (await texts()), { format: "esm", treeShaking: true })).code;
}

/** The SDK's own way from texts to bytes and back, for glue that imports nothing. */
async function texts() {
  const { transformSync } = await import("esbuild");
  const source = readFileSync(join(root, "js/utf8.ts"), "utf8").replaceAll(/^ *\/\/ guard: .*\n/gm, "");
  return transformSync(source, { loader: "ts", target: "es2022" }).code.replaceAll(
    /^export (?=function)|^export \{[^}]*\};?\n/gm,
    "",
  );
}
