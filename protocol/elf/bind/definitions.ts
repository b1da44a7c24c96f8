import { type ElfFile, type ElfSymbol, symbolType } from "../elf-file.ts";
import { readVersions } from "../versions.ts";
import { type Module, spelled, type Wanted } from "./program.ts";

/** What the linker made of the parts of a name with a version: `name@VERSION`, or `name@@VERSION` for the default one. */
export type SpelledName = { name: string; version: string | null };

/** Takes `name@VERSION` and `name@@VERSION` apart. */
export function spelledName(text: string): SpelledName {
  const [name = "", ...rest] = text.split("@");
  const version = rest.join("");
  return { name, version: version === "" ? null : version };
}

/** A dynamic symbol with its index in its table, and its version's name. */
export type DynamicSymbol = { index: number; symbol: ElfSymbol; version: string | null };

/** A file's dynamic symbols by name. */
export type DynamicTable = { named(name: string): DynamicSymbol[] };

/** Reads a file's dynamic symbols and their versions; they are in memory as long as the table is. Throws `unsupported` where they are damaged. */
export function readDynamicTable(file: ElfFile): DynamicTable {
  const symbols = file.dynamicSymbols;
  const versions = readVersions(file);
  return {
    named: (name) =>
      symbols.named(name).map((index) => {
        const symbol = symbols.at(index);
        return { index, symbol, version: versions.get(symbol.version)?.name ?? null };
      }),
  };
}

/**
 * Those of a file's dynamic symbols that fit a reference, as the dynamic linker compares versions: a version fits its own name, and a
 * symbol that has none. A reference without one means what a linker would choose today, which is no old version.
 *
 * @see https://sourceware.org/glibc/wiki/LinkerFlags; ld.so's check_match, of which this is the description in "Symbol Versioning" of the LSB
 */
export function fitting(symbols: readonly DynamicSymbol[], wanted: Pick<Wanted, "version">): DynamicSymbol[] {
  if (wanted.version === null) return symbols.filter(({ symbol }) => !symbol.oldVersion || !symbol.defined);
  const exact = symbols.filter(({ version }) => version === wanted.version?.name);
  return exact.length > 0 ? exact : symbols.filter(({ symbol, version }) => version === null && !symbol.oldVersion);
}

/** Finds the symbol by which a module defines a name for other modules; null where it defines it for none. */
export type Exports = (module: Module, wanted: Wanted) => ElfSymbol | null;

/**
 * Looks for names among what modules export. A module is read once for all of the names, and not kept: a program may have hundreds.
 *
 * A program exports a library's function, too, where it has an address of its own for it that all pointers are compared with: a wanted
 * symbol with a value.
 */
export function createExports(all: readonly Wanted[]): Exports {
  const known = new Map<Module, ReadonlyMap<string, ElfSymbol>>();
  const read = (module: Module) => {
    const table = readDynamicTable(module.file());
    return new Map(
      all.flatMap((wanted) => {
        const exported = table.named(wanted.name).filter(({ symbol }) => isVisible(symbol));
        const [found] = fitting(exported, wanted);
        return found ? [[spelled(wanted), found.symbol] as const] : [];
      }),
    );
  };
  return (module, wanted) => {
    const exported = known.get(module) ?? read(module);
    known.set(module, exported);
    return exported.get(spelled(wanted)) ?? null;
  };
}

function isVisible(symbol: ElfSymbol): boolean {
  const isForAll = !symbol.local && (symbol.visibility === 0 || symbol.visibility === 3);
  return isForAll && (symbol.defined || hasAddressForAll(symbol));
}

/** Whether a program has an address of its own for a library's function: that of its jump to it, which is the function's for everyone. */
export function hasAddressForAll(symbol: ElfSymbol): boolean {
  return !symbol.defined && symbol.address !== 0 && symbol.type === symbolType.function;
}
