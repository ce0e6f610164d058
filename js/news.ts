/** This copy of the package among all that hear it. The negative number says that the history was erased. */
const here = 1 + Math.random();

function open(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel("nearside");
  } catch {
    return undefined; // a browser without: the store tells when the page comes back into sight
  }
}

/** Tells other tabs that what is stored has changed, or was `erased`. */
export function tellNews(erased: boolean): void {
  const channel = open();
  channel?.postMessage(erased ? -here : here);
  channel?.close();
}

/** Hears what other tabs tell, until the channel is closed. */
export function hearNews(onNews: (erased: boolean) => void): BroadcastChannel | undefined {
  const channel = open();
  channel?.addEventListener("message", ({ data }) => {
    if (data !== here && data !== -here) onNews(data < 0);
  });
  return channel;
}
