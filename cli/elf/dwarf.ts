import { ByteReader, textAt } from "../../protocol/elf/byte-reader.ts";
import { type ElfFile, symbolType } from "../../protocol/elf/elf-file.ts";
import { SutureError } from "../../protocol/errors.ts";

/** A debugging information entry; a reference among its values is the number of another. */
export type Entry = { tag: number; values: ReadonlyMap<number, number | string>; children: Entry[] };

/** Attributes that a data layout is made of, what says how a unit was compiled, and what an inlined function is a copy of (DWARF 5, 7.5.4). */
// biome-ignore format: a table
export const attribute = {
  name: 0x03, byteSize: 0x0b, bitSize: 0x0d, upperBound: 0x2f, count: 0x37, offset: 0x38, declaration: 0x3c, type: 0x49,
  bitOffset: 0x6b, language: 0x13, producer: 0x25, origin: 0x31,
} as const;

/** The entries of a file, by number, in order. Throws `unsupported` where it has none or they cannot be read. */
export function readEntries(path: string, file: ElfFile): ReadonlyMap<number, Entry> {
  const refuse = (reason: string, cause?: unknown) => new SutureError("unsupported", `${path}: ${reason}`, { cause });
  const sections = new Map(
    file.sections.map((section, index) => [file.nameOf(section), { section, index }] as const).reverse(),
  );
  const contents = (name: string): Buffer => {
    const found = sections.get(name);
    if (!found) throw refuse("it has no debugging information, by which data layouts are compared; compile it with -g");
    if ((found.section.flags & 0x800) !== 0) throw refuse("its debugging information is compressed; add -gz=none");
    const bytes = Buffer.from(file.contentsOf(found.section));
    for (const section of file.sections) {
      if (section.type !== 4 || section.info !== found.index) continue;
      for (const { address, type, symbol, addend } of file.relocationsIn(section)) {
        const value = file.symbols.at(symbol);
        // R_X86_64_32: a place in another section. Addresses of code do not matter here
        if (type === 10 && value.type === symbolType.section && addend >= 0n)
          bytes.writeUInt32LE(Number(addend), address);
      }
    }
    return bytes;
  };
  try {
    const [info, abbreviations, strings] = [".debug_info", ".debug_abbrev", ".debug_str"].map(contents);
    if (!info || !abbreviations || !strings) return new Map();
    return entriesOf(info, abbreviations, strings);
  } catch (cause) {
    if (cause instanceof RangeError) throw refuse("its debugging information is damaged", cause);
    throw cause;
  }
}

type Abbreviation = { tag: number; hasChildren: boolean; forms: { name: number; form: number; constant: number }[] };

function entriesOf(info: Buffer, abbreviations: Buffer, strings: Buffer): Map<number, Entry> {
  const entries = new Map<number, Entry>();
  const reader = new FormReader(info, strings);
  while (reader.at < info.length) {
    const unit = reader.at;
    const length = reader.number(4);
    const end = reader.at + length;
    const version = reader.number(2);
    if (version < 4 || version > 5 || end > info.length) throw new RangeError("unknown version");
    const kind = version === 5 ? reader.number(1) : 1;
    if (version === 5) reader.at++;
    const table = readAbbreviations(abbreviations, reader.number(4));
    if (version === 4) reader.at++;
    if (kind !== 1) throw new RangeError("a split unit");
    const open: Entry[] = [];
    while (reader.at < end) {
      const number = reader.at;
      const code = reader.leb();
      if (code === 0) {
        open.pop();
        continue;
      }
      const abbreviation = table.get(code);
      if (!abbreviation) throw new RangeError("an unknown abbreviation");
      const values = new Map<number, number | string>();
      for (const { name, form, constant } of abbreviation.forms) {
        const value = reader.value(form, constant, unit);
        if (value !== undefined) values.set(name, value);
      }
      const entry: Entry = { tag: abbreviation.tag, values, children: [] };
      entries.set(number, entry);
      open.at(-1)?.children.push(entry);
      if (abbreviation.hasChildren) open.push(entry);
    }
    reader.at = end;
  }
  return entries;
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

/** Sizes in bytes of the forms that have one. */
const fixed = new Map([
  ...[0x0b, 0x11, 0x0c, 0x25, 0x29].map((form) => [form, 1] as const),
  ...[0x05, 0x12, 0x26, 0x2a].map((form) => [form, 2] as const),
  ...[0x06, 0x13, 0x17, 0x1f, 0x0e, 0x28, 0x2c, 0x10].map((form) => [form, 4] as const),
  ...[0x07, 0x14, 0x20, 0x01].map((form) => [form, 8] as const),
  [0x1e, 16],
]);
const references = new Set([0x11, 0x12, 0x13, 0x14, 0x15]);
const variable = new Set([0x0d, 0x0f, 0x15, 0x1a, 0x1b, 0x22, 0x23]);

class FormReader extends ByteReader {
  readonly #strings: Buffer;

  constructor(bytes: Buffer, strings: Buffer) {
    super(bytes);
    this.#strings = strings;
  }

  /** A value of a form; undefined where it is of no use here. */
  value(form: number, constant: number, unit: number): number | string | undefined {
    const size = fixed.get(form);
    if (size !== undefined) {
      const value = this.number(size);
      if (form === 0x0e) return textAt(this.#strings, value);
      return references.has(form) ? unit + value : value;
    }
    if (variable.has(form)) return this.leb(form === 0x0d) + (references.has(form) ? unit : 0);
    if (form === 0x08) return this.text();
    if (form === 0x19) return 1;
    if (form === 0x21) return constant;
    if (form === 0x18 || form === 0x09) this.skip(this.leb());
    else if (form === 0x0a) this.skip(this.number(1));
    else if (form === 0x03) this.skip(this.number(2));
    else if (form === 0x04) this.skip(this.number(4));
    else throw new RangeError(`form ${form}`);
    return undefined;
  }
}
