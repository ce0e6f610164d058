// Page views without a browser: the very requests that a page was seen to make, over a few connections that stay open.

import { once } from "node:events";
import { connect } from "node:net";

/**
 * Makes `views` page views, each by the requests of `page` (`{ method, url, headers }`) in their order. Each answer must be the
 * first one to the byte of its body. Returns `{ requests, bytes, ms, problems }`.
 */
export async function replay(cache, page, views, connections = 8) {
  const texts = page.map(({ method, url, headers }) =>
    Buffer.from(`${method} ${url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`),
  );
  const first = new Map();
  const result = { requests: 0, bytes: 0, problems: [] };
  const began = performance.now();
  let left = views;
  const visitor = async () => {
    const connection = await open(cache.port);
    while (left-- > 0)
      for (const [n, text] of texts.entries()) {
        const { status, body } = await connection.ask(text);
        result.requests++;
        result.bytes += body.length;
        if (!first.has(n)) first.set(n, body);
        if (status !== 200 || !first.get(n).equals(body))
          result.problems.push(`${page[n].url}: status ${status}`);
      }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, visitor));
  return { ...result, ms: performance.now() - began };
}

/** A connection that answers one request after the other; every answer must state its length. */
async function open(port) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let chunks = [];
  let length = 0;
  let end; // of the answer, once its head is there
  let head;
  let settle;
  let refuse;
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (end === undefined) {
      const bytes = Buffer.concat(chunks);
      chunks = [bytes];
      const at = bytes.indexOf("\r\n\r\n");
      if (at === -1) return;
      head = bytes.toString("latin1", 0, at);
      const stated = /^content-length: (\d+)/im.exec(head)?.[1];
      if (stated === undefined) return refuse(new Error(`an answer without a length: ${head}`));
      end = at + 4 + Number(stated);
    }
    if (length < end) return;
    const bytes = Buffer.concat(chunks);
    const body = bytes.subarray(head.length + 4, end);
    [chunks, length, end] = [[], 0, undefined];
    settle({ status: Number(head.slice(9, 12)), body });
  });
  for (const event of ["error", "close"])
    socket.on(event, (error) => refuse?.(error ?? new Error("the cache closed")));
  return {
    ask(text) {
      return new Promise((...both) => {
        [settle, refuse] = both;
        socket.write(text);
      });
    },
    close: () => socket.destroy(),
  };
}
