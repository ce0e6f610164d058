// Takes out of a wasm module what only words a panic. The package aborts on a panic: nobody would read the sentence, and
// the SDK takes a fresh instance. Together about 1 KB in brotli. Where one of these functions is called, it traps.

import { Stop } from "./shell.mjs";
import { eachSection } from "./wasm.mjs";

/** Functions by their demangled names: of Rust's core and std, and the futures of js-sys, of which nothing here makes use. */
const unread = [
  /^core\[\w+\]::panicking::/,
  /^std\[\w+\]::panicking::/,
  /^core\[\w+\]::(option::expect_failed|result::unwrap_failed|slice::index::slice_index_fail|slice::copy_from_slice_impl::len_mismatch_fail)$/,
  /::rust_begin_unwind$/,
  /^alloc\[\w+\]::raw_vec::(handle_error|capacity_overflow)$/,
  /^<core\[\w+\]::fmt::Formatter>::pad/,
  /^<.* as core\[\w+\]::fmt::(Display|Debug)>::fmt$/,
  /^<std\[\w+\]::panicking::.* as core\[\w+\]::panic::PanicPayload>::/,
  /^js_sys::futures::/,
  // What wasm-bindgen says where its own rules are broken, as after a panic.
  /^wasm_bindgen(\[\w+\])?::throw_str(::h\w+)?$/,
];

/** A source path, where a panic would say it was. Some are the building machine's own. */
const path = /^[\w./@+-]+\.rs$/;
const longest = 250;
/** The sentences of core and alloc that come before a number, or stand alone, and the digits of which core makes the numbers in them. */
const sentences =
  /slice index starts at | but ends at |index out of bounds: the len is | but the index is |range (start|end) index | out of range for slice of length |insertion index \(is |\) should be <=? len \(is |removal index \(is |a Display implementation returned an error unexpectedly|attempt to join into collection with len > usize::MAX|copy_from_slice: source slice length \(|\) does not match destination slice length \(|min > max\. min = |, max = |mid > len|chunk size must be non-zero|capacity overflow|attempt to divide by zero|assertion failed: step != 0|attempted to take ownership of Rust value while it was borrowed|recursive use of an object detected which would lead to unsafe aliasing in rust|null pointer passed to rust|0001020304\d{180}9596979899|0123456789abcdef|0x0123456789ABCDEF/g;

/** The module without the words; it must still have its name section. */
export async function withoutPanicWords(bytes) {
  return withoutPlaces(await withoutFunctions(bytes));
}

async function withoutFunctions(bytes) {
  const { default: binaryen } = await import("binaryen");
  const module = binaryen.readBinary(bytes);
  const emptied = [];
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const wrapped = binaryen.Function(module.getFunctionByIndex(i));
    const { name } = wrapped;
    if (!unread.some((pattern) => pattern.test(name))) continue;
    wrapped.setBody(module.unreachable());
    emptied.push(name);
  }
  if (!emptied.some((name) => name.endsWith("::panic_fmt")))
    throw new Stop(
      "The module has no core::panicking::panic_fmt: were its names removed, or mangled otherwise?",
    );
  binaryen.setDebugInfo(true); // the names are of use to `npm run weight`
  const written = module.emitBinary();
  module.dispose();
  return written;
}

/**
 * The module with its source paths, and the records that point to them (address, length, line, column; four u32), overwritten
 * by zeros, which wasm-opt leaves out.
 */
function withoutPlaces(bytes) {
  const module = Buffer.from(bytes);
  const segments = dataSegments(module);
  const locate = (address, length) => {
    const segment = segments.find((one) => address >= one.address);
    const at = segment && segment.start + address - segment.address;
    return at !== undefined && at + length <= segment.end ? at : undefined;
  };
  segments.reverse(); // so that the first at or below an address is the one that holds it
  const places = [];
  for (const { start, end } of segments) {
    for (let at = start; at + 16 <= end; at += 4) {
      const length = module.readUInt32LE(at + 4);
      if (length > longest) continue;
      const text = locate(module.readUInt32LE(at), length);
      if (text !== undefined && path.test(module.toString("latin1", text, text + length)))
        places.push([at, 16], [text, length]);
    }
    for (const { 0: found, index } of module.toString("latin1", start, end).matchAll(sentences))
      places.push([start + index, found.length]);
  }
  if (places.length === 0) throw new Stop("The module names no source path: is its data where it was?");
  for (const [at, length] of places) module.fill(0, at, at + length);
  return module;
}

/** The module's active data segments: where their bytes are, and the address they are loaded at. */
function dataSegments(module) {
  const segments = [];
  eachSection(module, (id, reader) => {
    for (let left = id === 11 ? reader.number() : 0; left > 0; left--) {
      // Flags 0, `i32.const address`, `end`, length, bytes: what a linker writes.
      if (reader.number() !== 0 || reader.byte() !== 0x41)
        throw new Stop("A data segment is not an active one.");
      const address = reader.number();
      if (reader.byte() !== 0x0b) throw new Stop("A data segment's address is not a constant.");
      const length = reader.number();
      segments.push({ start: reader.at, end: reader.at + length, address });
      reader.at += length;
    }
  });
  return segments;
}
