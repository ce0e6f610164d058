// Reads a WebAssembly module's sections: https://webassembly.github.io/spec/core/binary/modules.html

/** A cursor over the bytes of a module. */
export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** An unsigned LEB128 number. */
  number() {
    let [value, scale, byte] = [0, 1, 0];
    do {
      byte = this.byte();
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  }

  text() {
    const length = this.number();
    this.at += length;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at - length, length).toString();
  }
}

/** Calls `visit(id, reader, end)` with a reader at the beginning of every section. */
export function eachSection(bytes, visit) {
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const size = reader.number();
    const end = reader.at + size;
    visit(id, reader, end);
    reader.at = end;
  }
}

/** The sizes of a module's sections by id; those of custom sections added up under 0. */
export function sections(bytes) {
  const sizes = new Map();
  eachSection(bytes, (id, reader, end) => sizes.set(id, (sizes.get(id) ?? 0) + end - reader.at));
  return sizes;
}

/** The functions of a module that has a name section, with the bytes of their code. */
export function functions(bytes) {
  const sizes = [];
  const names = new Map();
  let imported = 0;
  eachSection(bytes, (id, reader, end) => {
    if (id === 2) imported = importedFunctions(reader);
    if (id === 10) {
      for (let left = reader.number(); left > 0; left--) {
        const size = reader.number();
        sizes.push(size);
        reader.at += size;
      }
    }
    if (id === 0 && reader.text() === "name") {
      while (reader.at < end) {
        const kind = reader.byte();
        const next = reader.number() + reader.at;
        for (let left = kind === 1 ? reader.number() : 0; left > 0; left--)
          names.set(reader.number(), reader.text());
        reader.at = next;
      }
    }
  });
  return sizes.map((size, index) => ({ name: names.get(imported + index) ?? "?", bytes: size }));
}

function importedFunctions(reader) {
  let count = 0;
  for (let left = reader.number(); left > 0; left--) {
    reader.text();
    reader.text();
    const kind = reader.byte();
    if (kind === 0) count++;
    if (kind === 1) reader.at++; // a table's type
    if (kind === 1 || kind === 2) {
      if (reader.number() & 1) reader.number();
      reader.number();
    } else if (kind === 3) reader.at += 2;
    else reader.number();
  }
  return count;
}
