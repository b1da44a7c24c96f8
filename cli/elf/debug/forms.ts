import { ByteReader, textAt } from "../../../protocol/elf/byte-reader.ts";

/** A place in a section of an object file; in a linked file the section is 0 and `at` is the address. */
export type Place = { section: number; at: number };
/** A value of an attribute: a number, a text, or the place of a variable or of code. References are numbers of entries or `sig:` texts. */
export type Value = number | string | Place;

/** What the values of a unit refer to, in other sections. */
export type FormContext = {
  /** number of the unit's first byte among all entries */
  unit: number;
  version: number;
  strings: Buffer;
  lineStrings: Buffer;
  /** the string of an index (DW_FORM_strx) */
  stringOf: (index: number) => string;
  /** the place of an index (DW_FORM_addrx) */
  placeOf: (index: number) => Place;
  /** the place that a relocation gives to the bytes at an offset of the unit's section, where one does */
  relocated: (offset: number) => Place | undefined;
  /** the entry that a reference to an offset of .debug_info means */
  entryAt: (offset: number, relocated: Place | undefined) => number;
};

// Forms of DWARF 5, 7.5.6, by what they hold.
const fixedSizes = new Map<number, number>([
  ...[0x0b, 0x11, 0x0c, 0x25, 0x29].map((form) => [form, 1] as const),
  ...[0x05, 0x12, 0x26, 0x2a].map((form) => [form, 2] as const),
  ...[0x27, 0x2b].map((form) => [form, 3] as const),
  ...[0x06, 0x13, 0x17, 0x1f, 0x0e, 0x28, 0x2c, 0x10, 0x1c, 0x1d].map((form) => [form, 4] as const),
  ...[0x07, 0x14, 0x24].map((form) => [form, 8] as const),
  [0x1e, 16],
]);
const form = {
  address: 0x01,
  block2: 0x03,
  block4: 0x04,
  text: 0x08,
  block: 0x09,
  block1: 0x0a,
  signed: 0x0d,
  string: 0x0e,
  entry: 0x10,
  present: 0x19,
  expression: 0x18,
  lineString: 0x1f,
  signature: 0x20,
  implicit: 0x21,
};
const stringIndexes = new Set([0x1a, 0x25, 0x26, 0x27, 0x28]);
const addressIndexes = new Set([0x1b, 0x29, 0x2a, 0x2b, 0x2c]);
const references = new Set([0x11, 0x12, 0x13, 0x14, 0x15]);
const variableSizes = new Set([0x0d, 0x0f, 0x15, 0x1a, 0x1b, 0x22, 0x23]);
const operation = { address: 0x03, addressIndex: 0xa1 };

/** Reads the values of attributes, one after the other. Throws `RangeError` past the end and for an unknown form. */
export class FormReader extends ByteReader {
  /** A value of a form; undefined where it is of no use here. */
  value(code: number, constant: number, context: FormContext): Value | undefined {
    const at = this.at;
    if (code === form.address) {
      const address = this.number(8);
      return context.relocated(at) ?? { section: 0, at: address };
    }
    if (code === form.signature) return `sig:${this.bytes(8).toString("hex")}`;
    const size = fixedSizes.get(code);
    if (size !== undefined || variableSizes.has(code)) {
      const value = size === undefined ? this.leb(code === form.signed) : this.number(size);
      if (code === form.string) return textAt(context.strings, value);
      if (code === form.lineString) return textAt(context.lineStrings, value);
      if (code === form.entry) return context.entryAt(value, context.relocated(at));
      if (stringIndexes.has(code)) return context.stringOf(value);
      if (addressIndexes.has(code)) return context.placeOf(value);
      return references.has(code) ? context.unit + value : value;
    }
    if (code === form.text) return this.text();
    if (code === form.present) return 1;
    if (code === form.implicit) return constant;
    if (code === form.expression || code === form.block) return this.#expression(this.leb(), context);
    if (code === form.block1) return this.#expression(this.number(1), context);
    if (code === form.block2) return this.#expression(this.number(2), context);
    if (code === form.block4) return this.#expression(this.number(4), context);
    throw new RangeError(`form ${code}`);
  }

  /** The place that an expression consists of, as it does for variables in memory (DWARF 5, 2.6.1.1.1); else undefined. */
  #expression(size: number, context: FormContext): Place | undefined {
    const end = this.at + size;
    let place: Place | undefined;
    if (size > 0) {
      const code = this.number(1);
      if (code === operation.address && size === 9) {
        place = context.relocated(this.at) ?? { section: 0, at: this.number(8) };
      } else if (code === operation.addressIndex) place = context.placeOf(this.leb());
    }
    this.at = end;
    return place;
  }
}
