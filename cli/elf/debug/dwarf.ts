import { ByteReader, textAt } from "../../../protocol/elf/byte-reader.ts";
import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { type FormContext, FormReader, type Place, type Value } from "./forms.ts";
import { type DebugSection, debugSection, debugSections } from "./sections.ts";

/** A debugging information entry. */
export type Entry = {
  tag: number;
  values: ReadonlyMap<number, Value>;
  parent: Entry | null;
  children: Entry[];
};

/** What a file's debugging information tells. */
export type DebugInfo = {
  /** compilation units and type units */
  units: readonly Entry[];
  entries: Iterable<Entry>;
  /** The entry that an attribute refers to, of this unit, another, or a type unit. */
  referred: (entry: Entry, attribute: number) => Entry | undefined;
};

/** Attributes (DWARF 5, 7.5.4). */
// biome-ignore format: a table
export const attribute = {
  location: 0x02, name: 0x03, byteSize: 0x0b, oldBitOffset: 0x0c, bitSize: 0x0d, statements: 0x10, lowPc: 0x11, language: 0x13, constantValue: 0x1c, producer: 0x25,
  upperBound: 0x2f, origin: 0x31, count: 0x37, offset: 0x38, declarationFile: 0x3a, declarationLine: 0x3b, declaration: 0x3c, encoding: 0x3e, external: 0x3f,
  specification: 0x47, type: 0x49, signature: 0x69, bitOffset: 0x6b, linkageName: 0x6e, stringOffsetsBase: 0x72, addressBase: 0x73,
} as const;

/** Tags (DWARF 5, 7.5.3). */
// biome-ignore format: a table
export const tag = {
  array: 0x01, class: 0x02, enumeration: 0x04, parameter: 0x05, block: 0x0b, member: 0x0d, pointer: 0x0f, reference: 0x10, unit: 0x11, structure: 0x13,
  typedef: 0x16, union: 0x17, variadic: 0x18, inheritance: 0x1c, inlined: 0x1d, memberPointer: 0x1f, subrange: 0x21, base: 0x24, constant: 0x26, enumerator: 0x28,
  function: 0x2e, variable: 0x34, volatile: 0x35, restrict: 0x37, namespace: 0x39, typeUnit: 0x41, rvalueReference: 0x42, atomic: 0x47, skeleton: 0x4a,
} as const;

/** An attribute that is a number; `otherwise` where it is none or not there. */
export function numberOf({ values }: Entry, name: number, otherwise = 0): number {
  const value = values.get(name);
  return typeof value === "number" ? value : otherwise;
}

/** An attribute that is a text; empty where it is none or not there. */
export function textOf({ values }: Entry, name: number): string {
  const value = values.get(name);
  return typeof value === "string" ? value : "";
}

const unitKind = { compile: 1, type: 2, skeleton: 4 };
/** Numbers of entries are offsets, and each section of them begins at a multiple of this. */
const sectionStride = 2 ** 32;
const maxDepth = 512;

/** Reads the first entry of each unit alone, which says how it was compiled; none where a file has no debugging information. */
export function readUnits(path: string, file: ElfFile): readonly Entry[] {
  try {
    return read(path, file, true).units;
  } catch (error) {
    if (isSutureError(error, "unsupported")) return [];
    throw error;
  }
}

/** Reads a file's debugging information. Throws `unsupported`, with what to do, where it has none or it cannot be read. */
export function readDebugInfo(path: string, file: ElfFile): DebugInfo {
  return read(path, file, false);
}

function read(path: string, file: ElfFile, unitsAlone: boolean): DebugInfo {
  const refuse = (reason: string, cause?: unknown) => new SutureError("unsupported", `${path}: ${reason}`, { cause });
  const info = debugSections(path, file, ".debug_info");
  const [first] = info;
  if (!first) throw refuse("it has no debugging information, by which data layouts are compared; compile it with -g");
  const types = debugSections(path, file, ".debug_types");
  const [abbreviations, strings, lineStrings, offsets, addresses] = [
    ".debug_abbrev",
    ".debug_str",
    ".debug_line_str",
    ".debug_str_offsets",
    ".debug_addr",
  ].map((name) => debugSection(path, file, name));
  if (!abbreviations || !strings || !lineStrings || !offsets || !addresses) throw refuse("unreachable");
  const reader = new UnitReader(abbreviations.bytes, strings, lineStrings, offsets, addresses, first.index, unitsAlone);
  try {
    for (const section of info) reader.readSection(section, false);
    for (const section of types) reader.readSection(section, true);
  } catch (cause) {
    if (cause instanceof SplitError) {
      throw refuse("its debugging information is in another file; compile it with -gno-split-dwarf", cause);
    }
    if (cause instanceof RangeError) throw refuse("its debugging information is damaged or of an unknown form", cause);
    throw cause;
  }
  const { units, entries, signatures } = reader;
  return {
    units,
    entries: { [Symbol.iterator]: () => entries.values() },
    referred(entry, name) {
      const value = entry.values.get(name);
      if (typeof value === "number") return entries.get(value);
      return typeof value === "string" ? entries.get(signatures.get(value) ?? -1) : undefined;
    },
  };
}

class SplitError extends RangeError {}

type Abbreviation = { tag: number; hasChildren: boolean; forms: { name: number; form: number; constant: number }[] };

class UnitReader {
  readonly units: Entry[] = [];
  readonly entries = new Map<number, Entry>();
  readonly signatures = new Map<string, number>();
  readonly #tables = new Map<number, Map<number, Abbreviation>>();
  readonly #abbreviations: Buffer;
  readonly #strings: DebugSection;
  readonly #lineStrings: DebugSection;
  readonly #offsets: DebugSection;
  readonly #addresses: DebugSection;
  readonly #mainSection: number;
  readonly #unitsAlone: boolean;

  constructor(
    abbreviations: Buffer,
    strings: DebugSection,
    lineStrings: DebugSection,
    offsets: DebugSection,
    addresses: DebugSection,
    mainSection: number,
    unitsAlone: boolean,
  ) {
    this.#unitsAlone = unitsAlone;
    this.#abbreviations = abbreviations;
    this.#strings = strings;
    this.#lineStrings = lineStrings;
    this.#offsets = offsets;
    this.#addresses = addresses;
    this.#mainSection = mainSection;
  }

  readSection(section: DebugSection, isTypes: boolean): void {
    const reader = new FormReader(section.bytes);
    const base = section.index * sectionStride;
    while (reader.at < section.bytes.length) {
      const start = reader.at;
      const end = start + 4 + reader.number(4);
      if (end > section.bytes.length) throw new RangeError("a unit past the end");
      const version = reader.number(2);
      if (version < 2 || version > 5) throw new RangeError("unknown version");
      const kind = version === 5 ? reader.number(1) : isTypes ? unitKind.type : unitKind.compile;
      if (version === 5) reader.skip(1);
      const table = this.#table(reader.number(4));
      if (version < 5) reader.skip(1);
      if (kind === unitKind.type) {
        const signature = reader.bytes(8).toString("hex");
        this.signatures.set(`sig:${signature}`, base + start + reader.number(4));
      } else if (kind !== unitKind.compile) {
        throw kind >= unitKind.skeleton ? new SplitError("a split unit") : new RangeError(`unit ${kind}`);
      }
      this.#readUnit(reader, end, table, this.#context(section, base + start, version));
      reader.at = end;
    }
  }

  #context(section: DebugSection, unit: number, version: number): FormContext & { bases: Map<number, number> } {
    const bases = new Map<number, number>([
      [attribute.stringOffsetsBase, 8],
      [attribute.addressBase, 8],
    ]);
    const baseOf = (name: number) => bases.get(name) ?? 0;
    return {
      unit,
      version,
      bases,
      strings: this.#strings.bytes,
      lineStrings: this.#lineStrings.bytes,
      relocated: section.relocated,
      stringOf: (index) => {
        const at = baseOf(attribute.stringOffsetsBase) + 4 * index;
        return textAt(this.#strings.bytes, this.#offsets.bytes.readUInt32LE(at));
      },
      placeOf: (index) => {
        const at = baseOf(attribute.addressBase) + 8 * index;
        return this.#addresses.relocated(at) ?? { section: 0, at: readAddress(this.#addresses.bytes, at) };
      },
      entryAt: (offset, relocated) =>
        relocated && relocated.section !== 0
          ? relocated.section * sectionStride + relocated.at
          : this.#mainSection * sectionStride + offset,
    };
  }

  #readUnit(
    reader: FormReader,
    end: number,
    table: ReadonlyMap<number, Abbreviation>,
    context: FormContext & { bases: Map<number, number> },
  ): void {
    this.#findBases(reader, table, context);
    const open: Entry[] = [];
    const sectionBase = Math.floor(context.unit / sectionStride) * sectionStride;
    while (reader.at < end) {
      const number = sectionBase + reader.at;
      const code = reader.leb();
      if (code === 0) {
        open.pop();
        continue;
      }
      const abbreviation = table.get(code);
      if (!abbreviation || open.length > maxDepth) throw new RangeError("an unknown abbreviation");
      const values = new Map<number, Value>();
      for (const { name, form, constant } of abbreviation.forms) {
        const value = reader.value(form, constant, context);
        if (value !== undefined) values.set(name, value);
      }
      const parent = open.at(-1) ?? null;
      const entry: Entry = { tag: abbreviation.tag, values, parent, children: [] };
      // GNU_dwo_name: what -gsplit-dwarf leaves in an object file before DWARF 5
      if (parent === null && values.has(0x2130)) throw new SplitError("a split unit");
      this.entries.set(number, entry);
      if (parent) parent.children.push(entry);
      else this.units.push(entry);
      if (this.#unitsAlone) return;
      if (abbreviation.hasChildren) open.push(entry);
    }
  }

  /** A unit's first entry says where its strings and addresses begin, and may use them before it does. */
  #findBases(
    reader: FormReader,
    table: ReadonlyMap<number, Abbreviation>,
    context: FormContext & { bases: Map<number, number> },
  ): void {
    const start = reader.at;
    const abbreviation = table.get(reader.leb());
    const blind = { ...context, stringOf: () => "", placeOf: (): Place => ({ section: 0, at: 0 }) };
    for (const { name, form, constant } of abbreviation?.forms ?? []) {
      const value = reader.value(form, constant, blind);
      if (context.bases.has(name) && typeof value === "number") context.bases.set(name, value);
    }
    reader.at = start;
  }

  #table(at: number): ReadonlyMap<number, Abbreviation> {
    const known = this.#tables.get(at);
    if (known) return known;
    const table = readAbbreviations(this.#abbreviations, at);
    this.#tables.set(at, table);
    return table;
  }
}

function readAbbreviations(bytes: Buffer, at: number): Map<number, Abbreviation> {
  const reader = new ByteReader(bytes);
  reader.at = at;
  const table = new Map<number, Abbreviation>();
  for (let code = reader.leb(); code !== 0; code = reader.leb()) {
    const abbreviation: Abbreviation = { tag: reader.leb(), hasChildren: reader.number(1) === 1, forms: [] };
    for (;;) {
      const [name, form] = [reader.leb(), reader.leb()];
      if (name === 0 && form === 0) break;
      abbreviation.forms.push({ name, form, constant: form === 0x21 ? reader.leb(true) : 0 });
    }
    table.set(code, abbreviation);
  }
  return table;
}

function readAddress(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
