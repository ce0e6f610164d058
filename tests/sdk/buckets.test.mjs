// Shares of the readers: exact, growing by addition only, and by two salts as different as chance makes them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { buckets, isBucket, isInShare, keysOf, placeOf } from "../../dist/buckets.js";

const all = Array.from({ length: buckets }, (_, bucket) => bucket);

/** Kinds of salts, 1,000 of each: what a publisher would write, and what `npm run release` draws. */
const salts = {
  "as they are drawn": (i) => createHash("sha256").update(`salt ${i}`).digest("base64url").slice(0, 8),
  numbered: (i) => `v${i + 1}`,
  "by the day": (i) => new Date(Date.UTC(2026, 0, 1 + i)).toISOString().slice(0, 10),
  "one letter apart": (i) => `spring${String.fromCharCode(33 + (i % 94))}${Math.floor(i / 94)}`,
};

/** All places by a salt at once. */
function placesOf(salt) {
  const keys = keysOf(salt);
  const places = new Array(buckets);
  for (const [place, bucket] of [...all].sort((a, b) => keys[a] - keys[b]).entries()) places[bucket] = place;
  return places;
}

/** The bits of the buckets in a share, 32 a word. */
function armOf(places, size) {
  const arm = new Uint32Array(Math.ceil(buckets / 32));
  places.forEach((place, bucket) => {
    if (place < size) arm[bucket >> 5] |= 1 << (bucket & 31);
  });
  return arm;
}

function bitsIn(word) {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Of the correlations of all pairs of arms: their standard deviation, and the greatest either way. */
function correlations(arms, share) {
  let sum = 0;
  let worst = 0;
  let pairs = 0;
  for (let i = 0; i < arms.length; i++)
    for (let j = 0; j < i; j++) {
      let both = 0;
      for (let word = 0; word < arms[i].length; word++) both += bitsIn(arms[i][word] & arms[j][word]);
      const phi = (both / buckets - share * share) / (share * (1 - share));
      sum += phi * phi;
      worst = Math.max(worst, Math.abs(phi));
      pairs++;
    }
  return { deviation: Math.sqrt(sum / pairs), worst };
}

test("each salt is a permutation of the 1,000 buckets", () => {
  const some = Object.values(salts).flatMap((saltOf) => [0, 1, 500, 999].map(saltOf));
  for (const salt of ["", " ", ...some]) {
    const places = all.map((bucket) => placeOf(bucket, salt));
    assert.deepEqual(places, placesOf(salt));
    assert.equal(new Set(places).size, buckets, salt);
  }
});

test("a share is exact in steps of 0.1 %, and a greater one keeps who was in it", () => {
  const steps = [0, 1, 2, 3, 5, 8, 10, 50, 100, 125, 333, 500, 501, 900, 999, 1000]; // of 0.1 %
  for (const salt of ["spring", "v1", "2026-12-01"]) {
    let before = new Set();
    for (const tenths of steps) {
      const percentage = tenths / 10;
      const share = new Set(all.filter((bucket) => isInShare(bucket, percentage, salt)));
      assert.equal(share.size, Math.round(10 * percentage), `${percentage} % by ${salt}`);
      for (const bucket of before) assert.ok(share.has(bucket), `${percentage} % by ${salt} lost ${bucket}`);
      before = share;
    }
  }
  for (const [percentage, size] of [
    [0.04, 0],
    [0.05, 1],
    [12.34, 123],
    [12.35, 124],
    [99.94, 999],
  ])
    assert.equal(all.filter((bucket) => isInShare(bucket, percentage, "spring")).length, size);
});

for (const [what, saltOf] of Object.entries(salts)) {
  test(`arms by 1,000 salts, ${what}, are as independent as by chance`, () => {
    const places = all.map((i) => placesOf(saltOf(i)));
    // Of arms of fixed size drawn by chance the deviation is 1/√999 = 0.0316; of half a million pairs the worst is near 5 of them.
    for (const [share, most] of [
      [0.5, 0.19],
      [0.1, 0.23],
      [0.01, 0.5],
    ]) {
      const { deviation, worst } = correlations(
        places.map((one) => armOf(one, share * buckets)),
        share,
      );
      assert.ok(deviation <= 0.035, `${share}: ${deviation}`);
      assert.ok(worst <= most, `${share}: ${worst}`);
    }
  });
}

test("every bucket is as often in an arm as any other", () => {
  const counts = new Uint32Array(buckets);
  for (let i = 0; i < buckets; i++)
    placesOf(`salt ${i}`).forEach((place, bucket) => {
      if (place < 500) counts[bucket]++;
    });
  // 500 of 1,000 with a deviation of 15.8: of a thousand buckets none is six of those away.
  for (const count of counts) assert.ok(Math.abs(count - 500) < 95, `${count}`);
});

test("the places never change: a reader would change the arm with the version of the package", () => {
  const digest = createHash("sha256")
    .update(JSON.stringify(["spring", "v1", "ü", ""].map(placesOf)))
    .digest("hex");
  assert.equal(digest, "4efe1d6637c49a85be2bab89f4a9fba5a0d62465e793cfc652cbf894bd807950");
});

test("only whole numbers from 0 to 999 are buckets", () => {
  for (const bucket of [0, 1, 999]) assert.ok(isBucket(bucket));
  for (const other of [-1, 1000, 0.5, Number.NaN, Infinity, "5", null, undefined, [5], {}])
    assert.ok(!isBucket(other), `${other}`);
});
