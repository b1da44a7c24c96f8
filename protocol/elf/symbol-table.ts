import { damaged, readNumber64 } from "./fields.ts";

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

const maxNameBytes = 4096;
/** No function has more names than this. */
const maxWithin = 256;

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

  /** The defined symbols that begin within a range of addresses, at its start or behind it. */
  within(address: number, size: number): ElfSymbol[] {
    const found: ElfSymbol[] = [];
    for (let at = 24; at + 24 <= this.#entries.length; at += 24) {
      const value = this.#entries.readUInt32LE(at + 12) * 2 ** 32 + this.#entries.readUInt32LE(at + 8);
      const isInside = value >= address && value < address + size;
      if (isInside && this.#entries.readUInt16LE(at + 6) !== 0 && found.length < maxWithin)
        found.push(this.at(at / 24));
    }
    return found;
  }

  /** The index of the last symbol of a type; 0 where there is none. */
  lastOf(type: number): number {
    let index = this.size - 1;
    while (index > 0 && ((this.#entries[index * 24 + 4] ?? 0) & 15) !== type) index--;
    return Math.max(0, index);
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

/** The string that begins at a place of a table of names. Throws `unsupported` where it does not end. */
export function stringAt(names: Buffer, start: number): string {
  const window = names.subarray(start, start + maxNameBytes);
  const end = window.indexOf(0);
  if (end < 0) throw damaged();
  return window.toString("utf8", 0, end);
}
