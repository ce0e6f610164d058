// A slow machine, one part at a time: `NEARSIDE_SLOW=database,processor npm test -- e2e`. Tests that pass only where a part is
// fast are found this way, on any machine.

const parts = new Set((process.env.NEARSIDE_SLOW ?? "").split(",").filter(Boolean));
for (const part of parts)
  if (!["database", "driver", "network", "processor"].includes(part))
    throw new Error(`NEARSIDE_SLOW: ${part}?`);

/** Options of Playwright's `launch`: the driver takes its time between two steps. */
export const slowLaunch = parts.has("driver") ? { slowMo: 60 } : {};

/** Milliseconds that the network takes for the next answer, each time another. */
export const latency = () => (parts.has("network") ? 300 * Math.random() : 0);

/** Slows a page down before it loads. */
export async function slowDown(page, session) {
  if (parts.has("processor")) await session.send("Emulation.setCPUThrottlingRate", { rate: 6 });
  if (parts.has("database")) await page.addInitScript(slowDatabase);
}

/** In a page: a disk that takes 100 ms for each request. */
function slowDatabase() {
  const onsuccess = Object.getOwnPropertyDescriptor(IDBRequest.prototype, "onsuccess");
  Object.defineProperty(IDBRequest.prototype, "onsuccess", {
    ...onsuccess,
    set(handler) {
      onsuccess.set.call(this, (event) => {
        const end = performance.now() + 100;
        const store = this.source;
        // A transaction lives as long as requests are made in it.
        const wait = () => {
          if (performance.now() < end) onsuccess.set.call(store.count(), wait);
          else handler.call(this, event);
        };
        if (store?.count) wait();
        else setTimeout(() => handler.call(this, event), 100);
      });
    },
  });
}
