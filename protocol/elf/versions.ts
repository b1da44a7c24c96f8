import { SutureError } from "../errors.ts";
import { type ElfFile, type Section, sectionType } from "./elf-file.ts";

/** A version of symbols, with the library that it is wanted of; null where the file defines it itself. */
export type SymbolVersion = { name: string; file: string | null };

const maxNameBytes = 4096;
/** An index has 15 bits. */
const maxVersions = 32_768;
/** Where a version's own entry lies within its record, and how long both are (elf.h: Verdef and Verdaux, Verneed and Vernaux). */
const definition = { bytes: 20, next: 16, auxiliary: 12, index: 4, auxiliaryBytes: 8 };
const need = { bytes: 16, next: 12, auxiliary: 8, file: 4, auxiliaryBytes: 16 };

/**
 * The versions that a file's dynamic symbols have, by the index that a symbol bears (`ElfSymbol.version`): those that it defines, and
 * those that it wants of libraries. Throws `unsupported` where a table is damaged.
 *
 * @see https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
 */
export function readVersions(file: ElfFile): ReadonlyMap<number, SymbolVersion> {
  const versions = new Map<number, SymbolVersion>();
  for (const section of file.sections) {
    if (section.type === sectionType.versionDefinitions) readDefinitions(file, section, versions);
    if (section.type === sectionType.versionNeeds) readNeeds(file, section, versions);
  }
  return versions;
}

/** A name of a table of names. Throws `unsupported` where it has no end, or none that is near. */
export function nameIn(names: Buffer, at: number): string {
  const window = names.subarray(at, at + maxNameBytes);
  const end = window.indexOf(0);
  if (end < 0) throw damaged();
  return window.toString("utf8", 0, end);
}

function readDefinitions(file: ElfFile, section: Section, versions: Map<number, SymbolVersion>): void {
  const [table, names] = tablesOf(file, section);
  for (const at of chain(table, 0, definition.bytes, definition.next)) {
    const auxiliary = at + table.readUInt32LE(at + definition.auxiliary);
    if (auxiliary + definition.auxiliaryBytes > table.length) throw damaged();
    const name = nameIn(names, table.readUInt32LE(auxiliary));
    // the first is the file's own name, and versions nothing
    if ((table.readUInt16LE(at + 2) & 1) === 0)
      versions.set(table.readUInt16LE(at + definition.index), { name, file: null });
  }
}

function readNeeds(file: ElfFile, section: Section, versions: Map<number, SymbolVersion>): void {
  const [table, names] = tablesOf(file, section);
  let count = 0;
  for (const at of chain(table, 0, need.bytes, need.next)) {
    const library = nameIn(names, table.readUInt32LE(at + need.file));
    const first = at + table.readUInt32LE(at + need.auxiliary);
    for (const each of chain(table, first, need.auxiliaryBytes, 12)) {
      // lists that share their ends could be read for hours
      if (count++ > maxVersions) throw damaged();
      const name = nameIn(names, table.readUInt32LE(each + 8));
      versions.set(table.readUInt16LE(each + 6) & 0x7fff, { name, file: library });
    }
  }
}

/** The places of records that each say how far behind them the next lies; always forwards, so that it ends. */
function* chain(table: Buffer, start: number, size: number, next: number): Generator<number> {
  for (let at = start; ; ) {
    if (at + size > table.length) {
      if (at === start && table.length === 0) return;
      throw damaged();
    }
    yield at;
    const step = table.readUInt32LE(at + next);
    if (step === 0) return;
    at += step;
  }
}

function tablesOf(file: ElfFile, section: Section): [Buffer, Buffer] {
  const names = file.sections[section.link];
  if (!names) throw damaged();
  return [file.contentsOf(section), file.contentsOf(names)];
}

function damaged(): SutureError {
  return new SutureError("unsupported", "the ELF file is damaged: its symbol versions reach past their table");
}
