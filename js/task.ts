/**
 * What follows is a task of its own. Functions of a WebAssembly module are compiled when they are first called: on a slow phone, the
 * steps of a first ranking together would keep the page from answering its reader.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}
