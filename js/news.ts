import { safely } from "./quiet.js";

const name = "nearside";
/** This copy of the package among all that hear it. The negative number says that the history was erased. */
let own: number | undefined;

function here(): number {
  own ??= 1 + Math.random();
  return own;
}

/** Tells other tabs that what is stored has changed, or was `erased`. */
export function tellNews(erased: boolean): void {
  try {
    const channel = new BroadcastChannel(name);
    channel.postMessage(erased ? -here() : here());
    channel.close();
  } catch {
    // A browser without: the store tells when the other page comes back into sight.
  }
}

/** Hears what other tabs tell, until the channel is closed. */
export function hearNews(onNews: (erased: boolean) => void): BroadcastChannel | undefined {
  try {
    const channel = new BroadcastChannel(name);
    channel.onmessage = safely(({ data }) => {
      if (Math.abs(data) !== here()) onNews(data < 0);
    });
    return channel;
  } catch {
    return undefined;
  }
}
