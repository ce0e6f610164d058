// The clocks of a page, whatever it made of them.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

const { Date: RealDate, performance: realPerformance } = globalThis;
const set = (name, value) =>
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
afterEach(() => {
  set("Date", RealDate);
  set("performance", realPerformance);
});

let copies = 0;
const newClock = () => import(`../../dist/clock.js?copy=${++copies}`);
const fail = () => {
  throw new Error("the page's own");
};
const odd = [
  undefined,
  null,
  {},
  7,
  "x",
  fail,
  () => "x",
  () => 1n,
  () => Number.NaN,
  () => 1e300,
  () => -5,
  () => ({}),
];

test("the date is finite, and of another clock where one makes no sense", async () => {
  const { date } = await newClock();
  const real = RealDate.now();
  for (const now of odd) {
    set("Date", Object.assign(class extends RealDate {}, { now }));
    assert.ok(Math.abs(date() - real) < 60_000, `Date.now: ${String(now)}`);
    set("Date", now);
    assert.ok(Math.abs(date() - real) < 60_000, `Date: ${String(now)}`);
  }
  set("performance", undefined);
  set("Date", undefined);
  assert.equal(date(), 0);
});

test("the clock never goes back, nor far ahead, as the page takes clocks away and brings them back", async () => {
  const { now } = await newClock();
  let before = now();
  const began = before;
  for (let i = 0; i < 200; i++) {
    set("performance", i % 3 === 0 ? realPerformance : { now: odd[i % odd.length] });
    set(
      "Date",
      i % 5 === 0 ? RealDate : Object.assign(class extends RealDate {}, { now: odd[(i * 7) % odd.length] }),
    );
    const time = now();
    assert.ok(Number.isFinite(time) && time >= before, `${time} after ${before}`);
    before = time;
  }
  assert.ok(before - began < 10_000, `${before - began} ms`);
});

test("without a clock it stands still; with one it counts milliseconds", async () => {
  const { now } = await newClock();
  let time = 1000;
  set("performance", { now: () => time });
  const began = now();
  time += 25;
  assert.equal(now() - began, 25);
  time -= 10;
  assert.equal(now() - began, 25, "set back");
  set("performance", { now: fail });
  set("Date", undefined);
  assert.equal(now() - began, 25);
});

test("a wait that is called off leaves neither timer nor signal behind", async (t) => {
  const { after } = await import("../../dist/timer.js");
  const signals = [];
  const { timeout } = AbortSignal;
  t.after(() => {
    AbortSignal.timeout = timeout;
  });
  AbortSignal.timeout = (ms) => {
    signals.push(timeout.call(AbortSignal, ms));
    return signals.at(-1);
  };
  const end = after(1e9, () => assert.fail("called"));
  assert.equal(typeof signals[0].onabort, "function");
  end();
  assert.equal(signals[0].onabort, null);
});
