// The table of all rows.

import { delivery } from "./rows/delivery.mjs";
import { consent } from "./rows/consent.mjs";
import { wasm } from "./rows/wasm.mjs";
import { model } from "./rows/model.mjs";
import { candidates, pageRows } from "./rows/page.mjs";
import { storage } from "./rows/storage.mjs";
import { trust } from "./rows/trust.mjs";
import { edge } from "./rows/edge.mjs";
import { platform } from "./rows/platform.mjs";

export const rows = [...delivery, ...platform, ...edge, ...model, ...wasm, ...candidates, ...pageRows, ...storage, ...consent, ...trust];
