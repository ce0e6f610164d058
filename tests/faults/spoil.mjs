// Answers that a server, or something between it and the reader, may give.

import { brotliCompressSync, gzipSync } from "node:zlib";

/** The first sixteenths of the file, as if they were all of it. */
export const shortened = (sixteenths) => (answer) => ({
  ...answer,
  body: answer.body.subarray(0, Math.floor((answer.body.length * sixteenths) / 16)),
});

/** One bit of the file is another, at some sixteenths of its length. */
export const flipped = (sixteenths) => (answer) => {
  const body = Buffer.from(answer.body);
  body[Math.min(body.length - 1, Math.floor((body.length * sixteenths) / 16))] ^= 0x04;
  return { ...answer, body };
};

/** The answer begins and ends in the middle: the connection is reset. */
export const reset = (answer, response) => {
  response.writeHead(200, { ...answer.headers, "content-length": answer.body.length });
  response.write(answer.body.subarray(0, answer.body.length >> 1), () => response.socket?.resetAndDestroy());
};

/** One byte a second. */
export const drip = (answer, response) => {
  response.writeHead(200, { ...answer.headers, "content-length": answer.body.length });
  let sent = 0;
  const timer = setInterval(() => response.write(answer.body.subarray(sent, ++sent)), 1000);
  response.on("close", () => clearInterval(timer));
};

/** The head comes, the body never. */
export const headOnly = (answer, response) => {
  response.writeHead(200, { ...answer.headers, "content-length": answer.body.length });
  response.flushHeaders();
};

/** A network's own sign-in page, for whatever is asked. */
export const portal = () => ({
  status: 200,
  headers: { "content-type": "text/html" },
  body: Buffer.from("<!doctype html><title>Welcome to the hotel</title><form>Room number</form>"),
});

export const status =
  (code, headers = {}) =>
  (answer) => ({
    ...answer,
    status: code,
    headers: { ...answer.headers, ...headers },
    body: Buffer.alloc(0),
  });

/** What a redirect without end looks like. */
export const redirected = (answer, _response, request) => status(302, { location: request.url })(answer);

const encoded = (encoding, body) => (answer) => ({
  ...answer,
  headers: { ...answer.headers, ...(encoding ? { "content-encoding": encoding } : {}) },
  body: body(answer.body),
});

export const compressed = encoded("gzip", gzipSync);
export const compressedTwice = encoded("gzip", (body) => gzipSync(gzipSync(body)));
/** What a cache without `Vary` gives to a reader whose browser did not ask for brotli. */
export const unlabelled = encoded(undefined, brotliCompressSync);
export const mislabelled = encoded("gzip", (body) => body);

/** `first` for the first requests of a file, and then nothing is wrong. */
export const firstOnly = (first, times = 1) => {
  let count = 0;
  return (answer, response, request) => (count++ < times ? first(answer, response, request) : answer);
};
