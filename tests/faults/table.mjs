// The table of all rows.

import { consent } from "./rows/consent.mjs";
import { delivery } from "./rows/delivery.mjs";
import { edge } from "./rows/edge.mjs";
import { globals } from "./rows/globals.mjs";
import { host } from "./rows/host.mjs";
import { model } from "./rows/model.mjs";
import { candidates, pageRows } from "./rows/page.mjs";
import { platform } from "./rows/platform.mjs";
import { storage } from "./rows/storage.mjs";
import { trust } from "./rows/trust.mjs";
import { wasm } from "./rows/wasm.mjs";

export const rows = [
  ...delivery,
  ...platform,
  ...edge,
  ...model,
  ...wasm,
  ...candidates,
  ...pageRows,
  ...globals,
  ...host,
  ...storage,
  ...consent,
  ...trust,
];
