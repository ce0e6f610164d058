// What an ONNX file says of itself, without a parser of ONNX: its `metadata_props`.

import { Stop } from "./terminal.mjs";

const METADATA_PROPS = 14;
const [KEY, VALUE] = [1, 2];

/** The metadata of an ONNX model's bytes, by name. */
export function metadataOf(model) {
  const properties = fields(model).filter(({ number }) => number === METADATA_PROPS);
  return Object.fromEntries(
    properties.map(({ bytes }) => {
      const entry = fields(bytes);
      const text = (wanted) => entry.find(({ number }) => number === wanted)?.bytes.toString("utf8") ?? "";
      return [text(KEY), text(VALUE)];
    }),
  );
}

/** The fields of a protobuf message that hold bytes. */
function fields(message) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; factor < 2 ** 50; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) break;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new Stop("The model is no ONNX file.");
  };
  while (at < message.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    // Of ten bytes at most, of which only the end matters here.
    if (type === 0) while (message[at++] >= 128);
    else {
      const length = { 1: 8, 5: 4 }[type] ?? (type === 2 ? varint() : Number.NaN);
      if (!(at + length <= message.length)) throw new Stop("The model is no ONNX file.");
      if (type === 2) found.push({ number, bytes: message.subarray(at, at + length) });
      at += length;
    }
  }
  return found;
}
