// Rewrites the shipped model: its file is a protocol buffer, and its golden case is computed anew, so that the rows reach what
// comes after that check.

/** A message as `[field, value]` pairs; a value is a number (varint), or bytes. */
function parse(bytes) {
  const fields = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    if ((key & 7) === 0) fields.push([key >> 3, varint()]);
    else if ((key & 7) === 2) {
      const length = varint();
      fields.push([key >> 3, bytes.subarray(at, at + length)]);
      at += length;
    } else throw new Error(`a field of kind ${key & 7} is not in this model`);
  }
  return fields;
}

function write(fields) {
  const varint = (value) => {
    const bytes = [];
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    return Buffer.from([...bytes, value]);
  };
  return Buffer.concat(
    fields.flatMap(([field, value]) =>
      typeof value === "number"
        ? [varint(field * 8), varint(value)]
        : [varint(field * 8 + 2), varint(value.length), value],
    ),
  );
}

const graphField = 7;
const textOf = (fields, field) => Buffer.from(fields.find(([name]) => name === field)?.[1] ?? []).toString();

/** The model with its graph's parts changed by `change(kind, fields, name)`: kind `node` or `weights`. */
export function changed(model, change) {
  const file = parse(model).map(([field, value]) => {
    if (field !== graphField) return [field, value];
    const graph = parse(value).map(([part, bytes]) => {
      const kind = { 1: "node", 5: "weights" }[part];
      if (!kind) return [part, bytes];
      const fields = parse(bytes);
      const name = kind === "node" ? textOf(fields, 4) : textOf(fields, 8);
      return [part, write(change(kind, fields, name) ?? fields)];
    });
    return [field, write(graph)];
  });
  return write(file);
}

/** Every operator of one name under another. */
export const renamed = (model, from, to) =>
  changed(model, (kind, fields, name) =>
    kind === "node" && name === from
      ? fields.map(([field, value]) => [field, field === 4 ? Buffer.from(to) : value])
      : undefined,
  );

/** A weight tensor that says it has other dimensions. */
export const reshaped = (model, tensor, dimensions) =>
  changed(model, (kind, fields, name) =>
    kind === "weights" && name === tensor
      ? [...dimensions.map((size) => [1, size]), ...fields.filter(([field]) => field !== 1)]
      : undefined,
  );

const floats = (bytes) => new Float32Array(Uint8Array.from(bytes).buffer);
const bytesOf = (values) => Buffer.from(Float32Array.from(values).buffer);

/** The model's numbers, and its golden case's features. */
function numbersOf(model) {
  const file = parse(model);
  const weights = {};
  for (const [part, bytes] of parse(file.find(([field]) => field === graphField)[1])) {
    if (part !== 5) continue;
    const fields = parse(bytes);
    weights[textOf(fields, 8)] = fields.find(([field]) => field === 9)[1];
  }
  const golden = {};
  for (const [field, bytes] of file) {
    if (field !== 14) continue;
    const entry = parse(bytes);
    golden[textOf(entry, 1)] = textOf(entry, 2);
  }
  return { weights, golden };
}

/**
 * The model with other weights: `linear` (the scale of its linear part), `gates` (features by hinges), `offsets` and `bends` as
 * lists. Its golden case says what these weights give.
 */
export function reweighted(model, weights) {
  const { weights: old, golden } = numbersOf(model);
  const linear = Int8Array.from(old.linear_q);
  const features = floats(Buffer.from(golden["nearside.golden.features"], "base64"));
  const scale = weights.linear ?? floats(old.linear_s)[0];
  const gates = weights.gates ?? floats(old.gates);
  const offsets = weights.offsets ?? floats(old.offsets);
  const bends = weights.bends ?? floats(old.bends);
  const count = features.length / linear.length;
  const scores = Array.from({ length: count }, (_, i) => {
    const row = features.subarray(i * linear.length, (i + 1) * linear.length);
    let score = row.reduce((sum, value, j) => sum + value * linear[j] * scale, 0);
    for (const [hinge, bend] of Array.from(bends).entries()) {
      const input = row.reduce(
        (sum, value, j) => sum + value * gates[j * bends.length + hinge],
        offsets[hinge],
      );
      score += Math.max(0, input) * bend;
    }
    return score;
  });
  const tensors = { linear_s: [scale], gates, offsets, bends };
  const graph = changed(model, (kind, fields, name) =>
    kind === "weights" && tensors[name]
      ? fields.map(([field, value]) => [field, field === 9 ? bytesOf(tensors[name]) : value])
      : undefined,
  );
  return write(
    parse(graph).map(([field, value]) => {
      if (field !== 14) return [field, value];
      const entry = parse(value);
      if (textOf(entry, 1) !== "nearside.golden.scores") return [field, value];
      const text = Buffer.from(bytesOf(scores).toString("base64"));
      return [field, write(entry.map(([name, old]) => [name, name === 2 ? text : old]))];
    }),
  );
}

/** The golden case's features as rows, for choosing weights that it does not reach. */
export function goldenRows(model) {
  const { weights, golden } = numbersOf(model);
  const features = floats(Buffer.from(golden["nearside.golden.features"], "base64"));
  const width = weights.linear_q.length;
  return Array.from({ length: features.length / width }, (_, i) => [
    ...features.subarray(i * width, (i + 1) * width),
  ]);
}

/** The model with other metadata: `change(name, text)` returns a value's text, or nothing. */
function described(model, change) {
  return write(
    parse(model).map(([field, value]) => {
      if (field !== 14) return [field, value];
      const entry = parse(value);
      const text = change(textOf(entry, 1), textOf(entry, 2));
      return [field, text === undefined ? value : write([entry[0], [2, Buffer.from(text)]])];
    }),
  );
}

/** The model as if made for another vector space, its golden case's history with it. */
export const inSpace = (model, space) =>
  described(model, (name, text) => {
    if (name === "nearside.space") return space;
    if (name !== "nearside.golden.profile") return undefined;
    const profile = Buffer.from(text, "base64");
    profile.writeBigUInt64LE(spaceOf(space), 18);
    return seal(profile).toString("base64");
  });

/** A vector space's number in a record, as in `src/id.rs`. */
export function spaceOf(name) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(name)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & (2n ** 64n - 1n);
  return hash || 1n;
}

const fnv = (bytes) => bytes.reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193) >>> 0, 0x811c9dc5);

/** A record whose length and checksum fit what it says, as in `src/profile/bytes.rs`. */
export function seal(record) {
  const bytes = Buffer.from(record);
  bytes.writeUInt32LE(bytes.length, 6);
  bytes.writeUInt32LE((fnv(bytes.subarray(14)) ^ fnv(bytes.subarray(0, 10))) >>> 0, 10);
  return bytes;
}
