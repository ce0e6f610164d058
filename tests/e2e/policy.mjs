/** The policy a publisher needs, and no more. */
export const strictPolicy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'unsafe-inline'; require-trusted-types-for 'script'";
