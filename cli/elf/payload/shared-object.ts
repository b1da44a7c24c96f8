import { absoluteSection, sectionType } from "../../../protocol/elf/elf-file.ts";
import type { SymbolVersion } from "../../../protocol/elf/versions.ts";
import { relocation } from "../object/relocations.ts";
import { versionTables } from "./version-tables.ts";

export const pageBytes = 4096;
/** ELF header and three segments, which lie before the image's own bytes. */
export const headerBytes = 64 + 3 * 56;

/**
 * A symbol outside: one with an address is that of the target's file, whatever else defines its name; the others are looked up, those of a
 * version in that version. A `weak` one may be defined nowhere; one that is `absent` is, in this target.
 */
export type Outside = { name: string; address?: number; version?: SymbolVersion; weak?: boolean; absent?: boolean };
/** Something that is bound in the process. `symbol` null: the addend is an address of the payload itself. */
export type BoundLater = { at: number; type: number; symbol: Outside | null; addend: number };

/** A linked payload: `image` from address 0 with room for the headers, constants up to `code`, then code, then variables. */
type Linked = {
  image: Buffer;
  code: number;
  variables: number;
  later: readonly BoundLater[];
  exported: readonly { name: string; at: number; size: number }[];
};

const machineX86 = 62;
const permission = { read: 4, write: 2, execute: 1 };
const allocated = 2;
const symbol = { globalFunction: 0x12, globalUntyped: 0x10, weakUntyped: 0x20 };
const visibility = { default: 0, hidden: 2, protected: 3 };
/** Index of the section with the code, which every defined symbol is said to be in. */
const codeSection = 1;

/**
 * Writes a payload as an ELF shared object. The tables lie behind the image: the engine reads them from the file, and they take no
 * memory in the target.
 * @see elf(5)
 */
export function writeSharedObject({ image, code, variables, later, exported }: Linked): Buffer {
  const names = new Names();
  const keyOf = ({ name, address, version, weak, absent }: Outside) =>
    JSON.stringify([name, address, version, weak, absent]);
  const outside = [
    ...new Map(later.flatMap(({ symbol: each }) => (each === null ? [] : [[keyOf(each), each] as const]))).values(),
  ];
  const indexOf = new Map(outside.map((each, index) => [keyOf(each), 2 + exported.length + index]));
  // after the empty symbol, the payload's own beginning; then exports, then what is outside
  const symbols = [
    Buffer.alloc(24),
    encodeSymbol(0, symbol.globalUntyped, codeSection, 0, 0),
    ...exported.map(({ name, at, size }) =>
      encodeSymbol(names.add(name), symbol.globalFunction, codeSection, at, size),
    ),
    ...outside.map(({ name, address, weak, absent }) =>
      encodeSymbol(
        names.add(name),
        weak === true ? symbol.weakUntyped : symbol.globalUntyped,
        address === undefined ? 0 : absoluteSection,
        address ?? 0,
        0,
        address !== undefined ? visibility.protected : absent === true ? visibility.hidden : visibility.default,
      ),
    ),
  ];
  const relocations = later.map(({ at, type, symbol: to, addend }) => {
    const entry = Buffer.alloc(24);
    const isOwnAddress = to === null && type === relocation.absolute;
    entry.writeBigUInt64LE(BigInt(at), 0);
    entry.writeUInt32LE(isOwnAddress ? relocation.relative : type, 8);
    entry.writeUInt32LE(to === null ? (isOwnAddress ? 0 : 1) : (indexOf.get(keyOf(to)) ?? 0), 12);
    entry.writeBigInt64LE(BigInt(addend), 16);
    return entry;
  });

  const sectionNames = new Names();
  const versions = versionTables(
    [...Array.from({ length: 2 + exported.length }, () => undefined), ...outside.map(({ version }) => version)],
    names,
  );
  const tables = [
    { name: ".dynsym", type: sectionType.dynamicSymbols, bytes: Buffer.concat(symbols), link: 3, info: 1, entry: 24 },
    { name: ".dynstr", type: sectionType.strings, bytes: names.bytes(), link: 0, info: 0, entry: 0 },
    {
      name: ".rela.dyn",
      type: sectionType.relocations,
      bytes: Buffer.concat(relocations),
      link: 2,
      info: 0,
      entry: 24,
    },
    ...versions,
  ];
  const chunks: Buffer[] = [image];
  let end = image.length;
  const append = (bytes: Buffer): number => {
    const padding = Buffer.alloc(-end & 7);
    chunks.push(padding, bytes);
    end += padding.length + bytes.length;
    return end - bytes.length;
  };
  const sections = [
    Buffer.alloc(64),
    encodeSection(
      sectionNames.add(".text"),
      sectionType.contents,
      allocated | 4,
      code,
      code,
      variables - code,
      0,
      0,
      0,
    ),
    ...tables.map(({ name, type, bytes, link, info, entry }) =>
      encodeSection(sectionNames.add(name), type, allocated, 0, append(bytes), bytes.length, link, info, entry),
    ),
  ];
  const nameOfNames = sectionNames.add(".shstrtab");
  const nameBytes = sectionNames.bytes();
  sections.push(encodeSection(nameOfNames, sectionType.strings, 0, 0, append(nameBytes), nameBytes.length, 0, 0, 0));
  const table = append(Buffer.concat(sections));

  const { read, write, execute } = permission;
  const segments = [
    encodeSegment(read, 0, code),
    encodeSegment(read | execute, code, variables - code),
    ...(image.length > variables ? [encodeSegment(read | write, variables, image.length - variables)] : []),
  ];
  encodeHeader(table, sections.length, segments.length).copy(image);
  Buffer.concat(segments).copy(image, 64);
  return Buffer.concat(chunks);
}

/** Names one after the other, as symbol and section tables refer to them. */
class Names {
  readonly #names: string[] = [""];
  #size = 1;

  add(name: string): number {
    this.#names.push(name);
    this.#size += Buffer.byteLength(name) + 1;
    return this.#size - Buffer.byteLength(name) - 1;
  }

  bytes(): Buffer {
    return Buffer.from(this.#names.map((name) => `${name}\0`).join(""));
  }
}

function encodeHeader(sectionTable: number, sections: number, segments: number): Buffer {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(3, 16); // ET_DYN
  header.writeUInt16LE(machineX86, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(64n, 32);
  header.writeBigUInt64LE(BigInt(sectionTable), 40);
  for (const [index, value] of [64, 56, segments, 64, sections, sections - 1].entries()) {
    header.writeUInt16LE(value, 52 + 2 * index);
  }
  return header;
}

/** The address of a byte of the image is its place in the file. */
function encodeSegment(flags: number, at: number, size: number): Buffer {
  const segment = Buffer.alloc(56);
  segment.writeUInt32LE(1, 0);
  segment.writeUInt32LE(flags, 4);
  for (const [index, value] of [at, at, at, size, size, pageBytes].entries()) {
    segment.writeBigUInt64LE(BigInt(value), 8 + 8 * index);
  }
  return segment;
}

// biome-ignore format: the order of the fields
function encodeSection(
  name: number, type: number, flags: number, address: number, offset: number, size: number, link: number, info: number, entry: number,
): Buffer {
  const section = Buffer.alloc(64);
  section.writeUInt32LE(name, 0);
  section.writeUInt32LE(type, 4);
  for (const [at, value] of [[8, flags], [16, address], [24, offset], [32, size], [48, 8], [56, entry]] as const) {
    section.writeBigUInt64LE(BigInt(value), at);
  }
  section.writeUInt32LE(link, 40);
  section.writeUInt32LE(info, 44);
  return section;
}

// biome-ignore format: the order of the fields
function encodeSymbol(
  name: number, info: number, section: number, address: number, size: number, seenBy = visibility.default,
): Buffer {
  const encoded = Buffer.alloc(24);
  encoded.writeUInt32LE(name, 0);
  encoded.writeUInt8(info, 4);
  encoded.writeUInt8(seenBy, 5);
  encoded.writeUInt16LE(section, 6);
  encoded.writeBigUInt64LE(BigInt(address), 8);
  encoded.writeBigUInt64LE(BigInt(size), 16);
  return encoded;
}
