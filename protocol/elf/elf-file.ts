import { SutureError } from "../errors.ts";

/** A part of the file that is loaded (PT_LOAD), and other program headers; addresses are before relocation. */
export type Segment = {
  type: number;
  readable: boolean;
  writable: boolean;
  executable: boolean;
  offset: number;
  address: number;
  fileSize: number;
  memorySize: number;
};
export type Section = {
  /** place of the name in the section of names; see `nameOf` */
  nameAt: number;
  type: number;
  /** SHF_* */
  flags: number;
  allocated: boolean;
  offset: number;
  size: number;
  link: number;
  info: number;
  align: number;
  entrySize: number;
};
export type ElfSymbol = {
  name: string;
  type: number;
  weak: boolean;
  local: boolean;
  /** STV_*: who may see it; only one that all may see (0) is ever replaced by another module's */
  visibility: number;
  /** whether it is an older version of the symbol, which new links do not take */
  oldVersion: boolean;
  /** the index of its version (`readVersions`); 0 or 1 where it has none */
  version: number;
  defined: boolean;
  /** index of the section that it is defined in */
  section: number;
  address: number;
  size: number;
};
export type Relocation = { address: number; type: number; symbol: number; addend: bigint };

export const segmentType = { load: 1, note: 4, threadLocal: 7 } as const;
export const symbolType = {
  none: 0,
  object: 1,
  function: 2,
  section: 3,
  file: 4,
  threadLocal: 6,
  indirectFunction: 10,
} as const;
export const sectionType = {
  contents: 1,
  symbols: 2,
  strings: 3,
  relocations: 4,
  note: 7,
  zero: 8,
  dynamicSymbols: 11,
  initializers: 14,
  packedRelocations: 19,
  versionDefinitions: 0x6fff_fffd,
  versionNeeds: 0x6fff_fffe,
  versions: 0x6fff_ffff,
};
/** Section index of a symbol whose address belongs to no section of the file. */
export const absoluteSection = 0xfff1;
const maxNameBytes = 4096;

/**
 * A 64-bit little-endian ELF file. The bytes may be hostile: reading is bounded by their length, nothing is followed twice,
 * and whatever does not fit throws `unsupported`.
 *
 * @see elf(5)
 */
export class ElfFile {
  readonly machine: number;
  /** ET_*: 1 an object file, 2 a program at a fixed address, 3 a library or a program that lies anywhere */
  readonly kind: number;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  /** .symtab: every symbol, where the file was not stripped */
  readonly symbols: SymbolTable;
  /** .dynsym: what the file imports and exports */
  readonly dynamicSymbols: SymbolTable;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const head = this.#bytes;
    if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) {
      throw new SutureError("unsupported", "this is not a 64-bit little-endian ELF file");
    }
    this.machine = head.readUInt16LE(18);
    this.kind = head.readUInt16LE(16);
    this.segments = bounded(() => readSegments(head));
    this.sections = bounded(() => readSections(head));
    this.symbols = this.#table(sectionType.symbols);
    this.dynamicSymbols = this.#table(sectionType.dynamicSymbols);
  }

  get loaded(): readonly Segment[] {
    return this.segments.filter((segment) => segment.type === segmentType.load);
  }

  /** Whether the file asks for code to run when it is loaded: .init_array. */
  get hasInitializers(): boolean {
    return this.sections.some((section) => section.type === sectionType.initializers);
  }

  /** Whether it holds relocations in the packed form (DT_RELR). */
  get hasPackedRelocations(): boolean {
    return this.sections.some((section) => section.type === sectionType.packedRelocations);
  }

  /** The relocations that apply to the loaded image. Throws `unsupported`. */
  *relocations(): Generator<Relocation> {
    let total = 0;
    for (const section of this.sections) {
      if (section.type !== sectionType.relocations || !section.allocated) continue;
      total += section.size;
      // tables that lie over each other could be read for hours
      if (total > this.#bytes.length) throw damaged();
      yield* this.relocationsIn(section);
    }
  }

  /** The relocations of one section of them, a table with addends. Throws `unsupported`. */
  *relocationsIn(section: Section): Generator<Relocation> {
    const table = this.contentsOf(section);
    for (let at = 0; at + 24 <= table.length; at += 24) {
      yield {
        address: readNumber64(table, at),
        type: table.readUInt32LE(at + 8),
        symbol: table.readUInt32LE(at + 12),
        addend: table.readBigInt64LE(at + 16),
      };
    }
  }

  /** A section's name. Throws `unsupported`. */
  nameOf(section: Section): string {
    const names = this.sections[this.#bytes.readUInt16LE(62)];
    if (!names) throw damaged();
    return stringAt(this.contentsOf(names), section.nameAt);
  }

  /** The file's bytes at an address of the loaded image; null where the file does not hold all of them. */
  bytesAt(address: number, size: number): Buffer | null {
    const segment = this.loaded.find(
      (part) => address >= part.address && address + size <= part.address + part.fileSize,
    );
    if (!segment) return null;
    const start = segment.offset + address - segment.address;
    return start + size <= this.#bytes.length ? this.#bytes.subarray(start, start + size) : null;
  }

  #table(type: number): SymbolTable {
    const index = this.sections.findIndex((section) => section.type === type);
    const table = this.sections[index];
    const names = this.sections[table?.link ?? -1];
    if (!table || !names) return new SymbolTable(Buffer.alloc(0), Buffer.alloc(0), null);
    const versions = this.sections.find((section) => section.type === sectionType.versions && section.link === index);
    return new SymbolTable(this.contentsOf(table), this.contentsOf(names), versions ? this.contentsOf(versions) : null);
  }

  /** A section's bytes in the file; none where it holds only zeros. Throws `unsupported`. */
  contentsOf(section: Section): Buffer {
    if (section.type === sectionType.zero) return Buffer.alloc(0);
    if (section.offset + section.size > this.#bytes.length) throw damaged();
    return this.#bytes.subarray(section.offset, section.offset + section.size);
  }
}

/** A symbol table, searched in place: a hostile table can name one long string a million times. */
export class SymbolTable {
  readonly #entries: Buffer;
  readonly #names: Buffer;
  readonly #versions: Buffer | null;

  constructor(entries: Buffer, names: Buffer, versions: Buffer | null) {
    this.#entries = entries;
    this.#names = names;
    this.#versions = versions;
  }

  get isEmpty(): boolean {
    return this.#entries.length < 48;
  }

  /** The symbol of an index. Throws `unsupported` where there is none. */
  at(index: number): ElfSymbol {
    const at = index * 24;
    if (at + 24 > this.#entries.length) throw damaged();
    const info = this.#entries[at + 4] ?? 0;
    const section = this.#entries.readUInt16LE(at + 6);
    const version =
      this.#versions && index * 2 + 2 <= this.#versions.length ? this.#versions.readUInt16LE(index * 2) : 0;
    return {
      name: stringAt(this.#names, this.#entries.readUInt32LE(at)),
      type: info & 15,
      local: info >> 4 === 0,
      weak: info >> 4 === 2,
      visibility: (this.#entries[at + 5] ?? 0) & 3,
      oldVersion: (version & 0x8000) !== 0,
      version: version & 0x7fff,
      defined: section !== 0,
      section,
      address: readNumber64(this.#entries, at + 8),
      size: readNumber64(this.#entries, at + 16),
    };
  }

  /** Whether the symbol of an index has a name; without decoding it, for a hostile table has long ones. */
  isNamed(index: number, name: string): boolean {
    const at = index * 24;
    if (at + 24 > this.#entries.length) throw damaged();
    const start = this.#entries.readUInt32LE(at);
    const wanted = Buffer.from(`${name}\0`, "utf8");
    const end = start + wanted.length;
    return end <= this.#names.length && this.#names.compare(wanted, 0, wanted.length, start, end) === 0;
  }

  /** The defined symbols of a name. A symbol table spells versions out (`stdout@GLIBC_2.2.5`); they count as the name. */
  find(name: string): ElfSymbol[] {
    return this.#search(name, (after) => after === 0 || after === 0x40);
  }

  /** The indices of all symbols of exactly this name, also of those that are wanted and not defined. */
  named(name: string): number[] {
    const wanted = Buffer.from(`${name}\0`, "utf8");
    const indices: number[] = [];
    for (let index = 1; index < this.size; index++) {
      const start = this.#entries.readUInt32LE(index * 24);
      const end = start + wanted.length;
      if (end <= this.#names.length && this.#names.compare(wanted, 0, wanted.length, start, end) === 0)
        indices.push(index);
    }
    return indices;
  }

  /** The parts and clones that a compiler made of a function: `name.cold`, `name.constprop.0` and the like. */
  derivedFrom(name: string): ElfSymbol[] {
    return this.#search(name, (after) => after === 0x2e);
  }

  #search(name: string, endsWith: (byteAfter: number) => boolean): ElfSymbol[] {
    const wanted = Buffer.from(name, "utf8");
    const found: ElfSymbol[] = [];
    for (let at = 0; at + 24 <= this.#entries.length; at += 24) {
      const start = this.#entries.readUInt32LE(at);
      if (this.#names[start] !== wanted[0] || this.#entries.readUInt16LE(at + 6) === 0) continue;
      const end = start + wanted.length;
      if (!endsWith(this.#names[end] ?? -1) || this.#names.compare(wanted, 0, wanted.length, start, end) !== 0)
        continue;
      found.push(this.at(at / 24));
    }
    return found;
  }

  /** How many symbols there are. */
  get size(): number {
    return Math.floor(this.#entries.length / 24);
  }
}

function stringAt(names: Buffer, start: number): string {
  const window = names.subarray(start, start + maxNameBytes);
  const end = window.indexOf(0);
  if (end < 0) throw damaged();
  return window.toString("utf8", 0, end);
}

function readSegments(bytes: Buffer): Segment[] {
  const start = readNumber64(bytes, 32);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = start + index * 56;
    const flags = bytes.readUInt32LE(at + 4);
    return {
      type: bytes.readUInt32LE(at),
      readable: (flags & 4) !== 0,
      writable: (flags & 2) !== 0,
      executable: (flags & 1) !== 0,
      offset: readNumber64(bytes, at + 8),
      address: readNumber64(bytes, at + 16),
      fileSize: readNumber64(bytes, at + 32),
      memorySize: readNumber64(bytes, at + 40),
    };
  });
}

function readSections(bytes: Buffer): Section[] {
  const start = readNumber64(bytes, 40);
  if (start === 0) return [];
  return Array.from({ length: bytes.readUInt16LE(60) }, (_, index) => {
    const at = start + index * 64;
    return {
      nameAt: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      flags: bytes.readUInt32LE(at + 8),
      allocated: (bytes.readUInt32LE(at + 8) & 2) !== 0,
      offset: readNumber64(bytes, at + 24),
      size: readNumber64(bytes, at + 32),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
      align: readNumber64(bytes, at + 48),
      entrySize: readNumber64(bytes, at + 56),
    };
  });
}

/** A 64-bit field as a number. Throws `unsupported` where a number cannot hold it: no address or size of a real file is so big. */
function readNumber64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  if (value > Number.MAX_SAFE_INTEGER) throw damaged();
  return value;
}

function bounded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw damaged(error);
    throw error;
  }
}

function damaged(cause?: unknown): SutureError {
  return new SutureError("unsupported", "the ELF file is damaged: a table reaches past its end", { cause });
}
