// Takes out of a wasm module what only words a panic. The package aborts on a panic: nobody would read the sentence, and
// the SDK takes a fresh instance. Together about 1 KB in brotli. Where one of these functions is called, it traps.

import { Stop } from "./shell.mjs";

/** Functions by their demangled names: of Rust's core and std, and the futures of js-sys, of which nothing here makes use. */
const unread = [
  /^core\[\w+\]::panicking::/,
  /^std\[\w+\]::panicking::/,
  /^core\[\w+\]::(option::expect_failed|result::unwrap_failed|slice::index::slice_index_fail)$/,
  /::rust_begin_unwind$/,
  /^alloc\[\w+\]::raw_vec::(handle_error|capacity_overflow)$/,
  /^<core\[\w+\]::fmt::Formatter>::pad/,
  /^<.* as core\[\w+\]::fmt::(Display|Debug)>::fmt$/,
  /^<std\[\w+\]::panicking::.* as core\[\w+\]::panic::PanicPayload>::/,
  /^js_sys::futures::/,
];

/** The module with those functions emptied; it must still have its name section. */
export async function withoutPanicWords(bytes) {
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
    throw new Stop("The module has no core::panicking::panic_fmt: were its names removed, or mangled otherwise?");
  const written = module.emitBinary();
  module.dispose();
  return written;
}
