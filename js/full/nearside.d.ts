// What wasm-bindgen writes for this flavour, as far as TypeScript must know of it where only the default is built.

import { Core as Base } from "../nearside.js";

export { __wbg_reset_state, initSync } from "../nearside.js";

export class Core extends Base {
  /** What the model is, and what its last ranking came to; `undefined` where there is none. */
  inspect(): unknown;
}
