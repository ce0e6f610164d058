import { after } from "./timer.js";

/**
 * What follows is a task of its own. Functions of a WebAssembly module are compiled when they are first called: on a slow phone, the
 * steps of a first ranking together would keep the page from answering its reader.
 *
 * Where the page's timers may never fire, it comes by a message; where there are no messages, it does not wait for a task.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    after(0, resolve);
    try {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(0);
    } catch {
      // guard: task
      resolve();
    }
  });
}
