// A hundred page views of one reader: new ones, hidden ones, tabs that are closed, pages that are restored; `npm run soak -- --views N` does more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { faults, soakViews } from "./soak-views.mjs";

test("over a hundred page views no click is lost, and neither memory nor storage grows", async () => {
  const { rows, account } = await soakViews([20, 60, 100]);
  assert.deepEqual(faults(rows, account), []);
  assert.ok(account.views >= 100 && account.erasures >= 2, JSON.stringify(account));
  assert.ok(account.bytes > 8000, "the history comes near to its cap");
});

test("what is lost or grows is seen", () => {
  const row = { views: 100, heap: 2 << 20, documents: 1, record: 9000, local: 9000 };
  const account = { problems: [], views: 4, kinds: { new: 1, closed: 1, hidden: 1, restored: 1 } };
  assert.deepEqual(faults([row, { ...row, heap: row.heap + 1000 }], account), []);
  for (const more of [{ heap: 4 << 20 }, { documents: 9 }, { record: 13_000 }, { local: 13_000 }])
    assert.equal(faults([row, { ...row, ...more }], account).length, 1);
  assert.equal(faults([row], { ...account, problems: ["3 clicks of 4"] }).length, 1);
  assert.equal(faults([row], { ...account, kinds: { ...account.kinds, restored: 0 } }).length, 1);
});
