import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sectionType } from "../../protocol/elf/elf-file.ts";
import type { CodeRange } from "./identical-payload.ts";

const globalFunction = 0x12;
const machineX86 = 62;
const allocated = 2;

/** Where debug packages put their files; the command has a folder of its own mounted here (main.ts). */
export const debugFolder = "/usr/lib/debug";

/**
 * Writes the debug file of a stripped build where a debug package would have it: its build-id and a symbol table with these functions.
 * @see https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html
 */
export function writeDebugFile(buildId: string, functions: readonly CodeRange[]): void {
  const path = join(debugFolder, ".build-id", buildId.slice(0, 2), `${buildId.slice(2)}.debug`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, debugFile(buildId, functions));
}

function debugFile(buildId: string, functions: readonly CodeRange[]): Buffer {
  const id = Buffer.from(buildId, "hex");
  const note = Buffer.concat([Buffer.alloc(12), Buffer.from("GNU\0"), id]);
  for (const [index, value] of [4, id.length, 3].entries()) note.writeUInt32LE(value, 4 * index);
  let names = "\0";
  const symbols = functions.map(({ name, address, size }) => {
    const symbol = Buffer.alloc(24);
    symbol.writeUInt32LE(names.length, 0);
    symbol.writeUInt8(globalFunction, 4);
    symbol.writeUInt16LE(1, 6);
    symbol.writeBigUInt64LE(BigInt(address), 8);
    symbol.writeBigUInt64LE(BigInt(size), 16);
    names += `${name}\0`;
    return symbol;
  });
  const parts = [
    { name: "", type: 0, flags: 0, bytes: Buffer.alloc(0), link: 0, entry: 0 },
    { name: ".note.gnu.build-id", type: sectionType.note, flags: allocated, bytes: note, link: 0, entry: 0 },
    {
      name: ".symtab",
      type: sectionType.symbols,
      flags: 0,
      bytes: Buffer.concat([Buffer.alloc(24), ...symbols]),
      link: 3,
      entry: 24,
    },
    { name: ".strtab", type: sectionType.strings, flags: 0, bytes: Buffer.from(names), link: 0, entry: 0 },
    { name: ".shstrtab", type: sectionType.strings, flags: 0, bytes: Buffer.alloc(0), link: 0, entry: 0 },
  ];
  const sectionNames = parts.map(({ name }) => `${name}\0`).join("");
  const chunks: Buffer[] = [Buffer.alloc(64)];
  let end = 64;
  const table = parts.map(({ name, type, flags, bytes, link, entry }) => {
    const contents = name === ".shstrtab" ? Buffer.from(sectionNames) : bytes;
    const section = Buffer.alloc(64);
    section.writeUInt32LE(sectionNames.indexOf(`${name}\0`), 0);
    section.writeUInt32LE(type, 4);
    section.writeBigUInt64LE(BigInt(flags), 8);
    section.writeBigUInt64LE(BigInt(end), 24);
    section.writeBigUInt64LE(BigInt(contents.length), 32);
    section.writeUInt32LE(link, 40);
    section.writeUInt32LE(1, 44);
    section.writeBigUInt64LE(8n, 48);
    section.writeBigUInt64LE(BigInt(entry), 56);
    const padding = Buffer.alloc(-contents.length & 7);
    chunks.push(contents, padding);
    end += contents.length + padding.length;
    return section;
  });
  const [head = Buffer.alloc(0)] = chunks;
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(3, 16); // ET_DYN
  head.writeUInt16LE(machineX86, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(end), 40);
  for (const [index, value] of [64, 56, 0, 64, parts.length, parts.length - 1].entries()) {
    head.writeUInt16LE(value, 52 + 2 * index);
  }
  return Buffer.concat([...chunks, ...table]);
}
