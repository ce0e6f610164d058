// The table of all rows.

import { delivery } from "./rows/delivery.mjs";
import { edge } from "./rows/edge.mjs";
import { platform } from "./rows/platform.mjs";

export const rows = [...delivery, ...platform, ...edge];
