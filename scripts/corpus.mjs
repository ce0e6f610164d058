// The fuzz targets' corpora: one file each in git (`fuzz/corpus/<target>.pack`), a folder of files for the fuzzer.
//
//   node scripts/corpus.mjs unpack <target>    the pack's files into fuzz/corpus/<target>/
//   node scripts/corpus.mjs pack <target>      that folder's files into the pack
//
// A pack is a u32 length, little-endian, and the bytes, for every file.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./shell.mjs";

const [command, target] = process.argv.slice(2);
if (!["pack", "unpack"].includes(command) || !/^\w+$/.test(target ?? ""))
  throw new Error("node scripts/corpus.mjs pack|unpack <target>");
const folder = join(root, "fuzz/corpus", target);
const pack = `${folder}.pack`;

if (command === "pack") {
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  files.sort((a, b) => a.length - b.length || Buffer.compare(a, b));
  const parts = files.flatMap((bytes) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  writeFileSync(pack, Buffer.concat(parts));
  console.log(`${files.length} files`);
} else {
  mkdirSync(folder, { recursive: true });
  const bytes = readFileSync(pack);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    const file = bytes.subarray(at + 4, end);
    writeFileSync(join(folder, createHash("sha1").update(file).digest("hex")), file);
    at = end;
  }
}
