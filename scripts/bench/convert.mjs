// The weights of an ONNX file, for an engine that does not read ONNX. The graph must be one of those written by hand in
// benches/engines/tensorflow.js: its operators are compared here, and its scores before anything is timed.

import { Stop } from "../shell.mjs";

const graphs = {
  linear: "DequantizeLinear MatMul MatMul Add Relu MatMul Add Squeeze",
  attention: [
    "DequantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear",
    "MatMul MatMul MatMul Transpose MatMul Mul Add Log Add Softmax MatMul Mul Concat",
    "MatMul Add Relu LayerNormalization MatMul Add Squeeze",
  ].join(" "),
};
const FLOAT = 1;
const INT8 = 3;

/** The converted model's bytes: header length (u32, little-endian), header (JSON), the tensors' bytes in its order. */
export function convert(onnx, name) {
  const { operators, tensors } = read(onnx);
  const held = [...operators].sort().join();
  const graph = Object.keys(graphs).find((graph) => graphs[graph].split(" ").sort().join() === held);
  if (graph === undefined)
    throw new Stop(`${name} holds another graph than those of benches/engines/tensorflow.js: ${operators}.`);
  // A pair of `x.q` or `x_q` and `x.s` or `x_s` is one tensor with a scale for each column.
  const find = (wanted) => tensors.find(({ name }) => name === wanted);
  const kept = [];
  for (const { name, type, shape, bytes } of tensors) {
    if (type === INT8) {
      const scale = find(name.replace(/q$/, "s"));
      kept.push({ name: name.replace(/[._]q$/, ""), shape, scale: Array.from(floats(scale.bytes)), bytes });
    } else if (type === FLOAT && !/[._]s$/.test(name)) kept.push({ name, shape, bytes });
  }
  const about = kept.map(({ bytes, ...tensor }) => ({ ...tensor, size: bytes.length }));
  const header = Buffer.from(JSON.stringify({ graph, tensors: about }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...kept.map(({ bytes }) => bytes)]);
}

const floats = (bytes) => new Float32Array(Uint8Array.from(bytes).buffer);

/** Operators and initializers of a model (onnx.proto: ModelProto.graph = 7; GraphProto.node = 1, .initializer = 5). */
function read(onnx) {
  const [graph] = fields(onnx).filter(({ field }) => field === 7);
  const parts = fields(graph.value);
  const text = (message, wanted) =>
    Buffer.from(message.find(({ field }) => field === wanted)?.value ?? []).toString();
  const tensors = parts
    .filter(({ field }) => field === 5)
    .map(({ value }) => {
      const tensor = fields(value);
      const dims = tensor.filter(({ field }) => field === 1);
      return {
        name: text(tensor, 8),
        type: tensor.find(({ field }) => field === 2).value,
        shape: dims.flatMap(({ value }) => (typeof value === "number" ? value : varints(value))),
        bytes: tensor.find(({ field }) => field === 9)?.value ?? Buffer.alloc(0),
      };
    });
  const nodes = parts.filter(({ field }) => field === 1);
  return { operators: nodes.map(({ value }) => text(fields(value), 4)), tensors };
}

/** A protobuf message's fields in order: numbers for varints, bytes for what has a length. */
function fields(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = varint(bytes, at);
    const [wire, field] = [tag & 7, tag >>> 3];
    const [value, next] = wire === 0 || wire === 2 ? varint(bytes, afterTag) : [0, afterTag];
    if (wire === 1 || wire === 5) at = afterTag + (wire === 1 ? 8 : 4);
    else at = wire === 2 ? next + value : next;
    if (wire === 0) found.push({ field, value });
    else if (wire === 2) found.push({ field, value: bytes.subarray(next, at) });
  }
  return found;
}

function varints(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const [value, next] = varint(bytes, at);
    found.push(value);
    at = next;
  }
  return found;
}

function varint(bytes, from) {
  let value = 0;
  let at = from;
  for (let weight = 1; ; weight *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * weight;
    if (byte < 128) return [value, at];
  }
}
