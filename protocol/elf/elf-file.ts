import { SutureError } from "../errors.ts";
import { type ByteSource, bytesInMemory } from "./byte-source.ts";
import { bounded, damaged, readNumber64 } from "./fields.ts";
import { SymbolTable, stringAt } from "./symbol-table.ts";

export type { ElfSymbol, SymbolTable } from "./symbol-table.ts";

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
  /** where it lies in the loaded image, where it does */
  address: number;
  offset: number;
  size: number;
  link: number;
  info: number;
  align: number;
  entrySize: number;
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
const headerBytes = 64;

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
  readonly #source: ByteSource;
  /** index of the section of the sections' names */
  readonly #namesAt: number;

  /** @param file its bytes, or where they are read from when they are wanted */
  constructor(file: Uint8Array | ByteSource) {
    this.#source = file instanceof Uint8Array ? bytesInMemory(file) : file;
    const head = this.#source.read(0, Math.min(headerBytes, this.#source.size));
    if (head.length < headerBytes || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) {
      throw new SutureError("unsupported", "this is not a 64-bit little-endian ELF file");
    }
    this.machine = head.readUInt16LE(18);
    this.kind = head.readUInt16LE(16);
    this.#namesAt = head.readUInt16LE(62);
    this.segments = bounded(() => readSegments(this.#read(readNumber64(head, 32), 56 * head.readUInt16LE(56))));
    const sections = readNumber64(head, 40);
    this.sections = sections === 0 ? [] : bounded(() => readSections(this.#read(sections, 64 * head.readUInt16LE(60))));
    for (const section of [sectionType.symbols, sectionType.dynamicSymbols].flatMap((type) => this.#partsOf(type)))
      this.#expectWithin(section);
  }

  /** .symtab: every symbol, where the file was not stripped. Throws `unsupported` where it is too large to be read. */
  get symbols(): SymbolTable {
    return this.#table(sectionType.symbols);
  }

  /** .dynsym: what the file imports and exports. Throws likewise. */
  get dynamicSymbols(): SymbolTable {
    return this.#table(sectionType.dynamicSymbols);
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
      if (total > this.#source.size) throw damaged();
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
    const names = this.sections[this.#namesAt];
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
    return start + size <= this.#source.size ? this.#source.read(start, size) : null;
  }

  #table(type: number): SymbolTable {
    const [entries, names, versions] = this.#partsOf(type).map((section) => this.contentsOf(section));
    return new SymbolTable(entries ?? Buffer.alloc(0), names ?? Buffer.alloc(0), versions ?? null);
  }

  /** The sections of a symbol table: its entries, their names and, where it has them, their versions; none where there is no table. */
  #partsOf(type: number): Section[] {
    const index = this.sections.findIndex((section) => section.type === type);
    const table = this.sections[index];
    const names = this.sections[table?.link ?? -1];
    const versions = this.sections.find((section) => section.type === sectionType.versions && section.link === index);
    return table && names ? [table, names, ...(versions ? [versions] : [])] : [];
  }

  /** A section's bytes in the file; none where it holds only zeros. Throws `unsupported`. */
  contentsOf(section: Section): Buffer {
    if (section.type === sectionType.zero) return Buffer.alloc(0);
    this.#expectWithin(section);
    return this.#source.read(section.offset, section.size);
  }

  #expectWithin({ type, offset, size }: Section): void {
    if (type !== sectionType.zero && offset + size > this.#source.size) throw damaged();
  }

  #read(offset: number, size: number): Buffer {
    if (offset + size > this.#source.size) throw damaged();
    return this.#source.read(offset, size);
  }
}

function readSegments(bytes: Buffer): Segment[] {
  return Array.from({ length: bytes.length / 56 }, (_, index) => {
    const at = index * 56;
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
  return Array.from({ length: bytes.length / 64 }, (_, index) => {
    const at = index * 64;
    return {
      nameAt: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      flags: bytes.readUInt32LE(at + 8),
      allocated: (bytes.readUInt32LE(at + 8) & 2) !== 0,
      address: readNumber64(bytes, at + 16),
      offset: readNumber64(bytes, at + 24),
      size: readNumber64(bytes, at + 32),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
      align: readNumber64(bytes, at + 48),
      entrySize: readNumber64(bytes, at + 56),
    };
  });
}
