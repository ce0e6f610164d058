// TensorFlow.js: its WebAssembly backend with SIMD, one thread. There is no converter from ONNX, so the graphs of the two models
// are written here by hand; scripts/bench/convert.mjs checks that the ONNX files still hold these very graphs.

import { setThreadsCount, setWasmPath } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";

const graphs = { linear, attention };

/** Starts the engine and loads a converted model: a JSON header of tensors, behind its length, and their bytes. */
export async function load({ model, wasm }) {
  const bytes = fetch(model).then((response) => response.arrayBuffer());
  setThreadsCount(1);
  // With a path for each of its builds it would take the one with threads, whose workers are no fair comparison; with one path, which it
  // calls deprecated, it takes the one with SIMD alone.
  tf.env().set("DEPRECATION_WARNINGS_ENABLED", false);
  setWasmPath(wasm);
  await tf.setBackend("wasm");
  await tf.ready();
  const { graph, weights } = read(await bytes);
  const run = graphs[graph];
  return {
    score(inputs) {
      const scores = tf.tidy(() => run(weights, inputs));
      const data = scores.dataSync();
      scores.dispose();
      return data;
    },
  };
}

function read(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const { graph, tensors } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const weights = {};
  for (const { name, shape, scale, size } of tensors) {
    const bytes = buffer.slice(at, at + size);
    at += size;
    // Weights of 8 bits are dequantised once, as TensorFlow.js does with those that its own converter quantised.
    weights[name] = scale
      ? tf.tidy(() => tf.mul(tf.tensor(Float32Array.from(new Int8Array(bytes)), shape), tf.tensor1d(scale)))
      : tf.tensor(new Float32Array(bytes), shape);
  }
  return { graph, weights };
}

function linear({ linear, gates, offsets, bends }, { count, features }) {
  const x = tf.tensor2d(features, [count, features.length / count]);
  const bent = tf.matMul(tf.relu(tf.add(tf.matMul(x, gates), offsets)), bends);
  return tf.squeeze(tf.add(tf.matMul(x, linear), bent), [-1]);
}

function attention(w, { count, ...inputs }) {
  const clicks = inputs.history_weight.length;
  const width = inputs.candidates.length / count;
  const features = tf.tensor2d(inputs.features, [count, inputs.features.length / count]);
  const candidates = tf.tensor2d(inputs.candidates, [count, width]);
  const history = tf.tensor2d(inputs.history, [clicks, width]);
  const prior = tf.log(tf.add(tf.tensor1d(inputs.history_weight), w.tiny));
  const keys = tf.matMul(history, w.wk);
  const logits = tf.matMul(tf.matMul(candidates, w.wq), keys, false, true);
  const attended = tf.softmax(tf.add(tf.mul(logits, w.sharpness), prior));
  const interest = tf.matMul(attended, tf.matMul(history, w.wv));
  const all = tf.concat([features, candidates, interest, tf.mul(candidates, interest)], 1);
  const hidden = tf.relu(tf.add(tf.matMul(all, w.w1), w.b1));
  const { mean, variance } = tf.moments(hidden, -1, true);
  const normal = tf.mul(tf.sub(hidden, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  const scaled = tf.add(tf.mul(normal, w.g1), w.h1);
  return tf.squeeze(tf.add(tf.matMul(scaled, w.w2), w.b2), [-1]);
}
