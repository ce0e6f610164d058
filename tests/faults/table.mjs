// The table of all rows.

import { delivery } from "./rows/delivery.mjs";

export const rows = [...delivery];
