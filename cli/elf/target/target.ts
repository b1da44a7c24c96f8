import { buildOf } from "../../../protocol/build-id.ts";
import { readDynamic } from "../../../protocol/elf/dynamic.ts";
import { ElfFile, type ElfSymbol, type SymbolTable, symbolType } from "../../../protocol/elf/elf-file.ts";
import { readVersions, type SymbolVersion } from "../../../protocol/elf/versions.ts";
import { SutureError } from "../../../protocol/errors.ts";
import { type Inlining, inliningsOf } from "../debug/inlining.ts";
import type { Piece } from "../object/object-file.ts";
import type { NamedFile } from "../object/pairs.ts";
import { isLinkedFrom } from "./code-match.ts";
import { sourceFiles } from "./source-files.ts";

/** The binary that runs. */
export type Target = {
  path: string;
  buildId: string;
  file: ElfFile;
  /** whether no library is linked to it when it starts */
  isStatic: boolean;
  /** which functions lie inside of which others, as far as its debugging information tells */
  inlinings: () => readonly Inlining[];
  /** Its own symbols of a name, as a source file means it, or (`scope` null) as all do, one for each address. */
  find: (name: string, scope: string | null) => readonly ElfSymbol[];
  /** Where it has the very code of a function of an object file; null where it does not. Throws `unsupported` where it has it twice. */
  placeOf: (piece: Piece) => ElfSymbol | null;
  /** All names of the function at an address, those of versions without them. */
  namesAt: (address: number) => readonly string[];
  /**
   * Whether another module may define a symbol of its in its place, as what a library exports; null where none may. `inTable`: its own
   * code reaches it through a table that the dynamic linker fills in.
   */
  replaceable: (name: string, address: number) => { version: SymbolVersion | undefined; inTable: boolean } | null;
  /** The version in which it wants a name of its libraries. `absent`: it is a program that does not want it, so nothing defines it. */
  wanted: (name: string) => { version: SymbolVersion | undefined; absent: boolean };
};

/** Throws `unsupported` where it holds no code, or is no ELF file. */
export function readTarget({ path, bytes }: NamedFile): Target {
  const file = new ElfFile(bytes);
  const refuse = (reason: string) => new SutureError("unsupported", `${path}: ${reason}`);
  const buildId = buildOf(bytes);
  if (buildId === null) throw refuse("it holds no code");

  const sources = sourceFiles(file);
  const [symbols, dynamicSymbols] = [byName(file.symbols), byName(file.dynamicSymbols)];
  const find: Target["find"] = (name, scope) => {
    const all = symbols.get(name) ?? [];
    if (scope !== null) return oneEach(all.filter((symbol) => symbol.local && sources(symbol) === scope));
    const shared = oneEach([...(dynamicSymbols.get(name) ?? []), ...all.filter(({ local }) => !local)]);
    // what is hidden, or local by a version script, the linker has made local, and keeps apart from the files' own symbols
    return shared.length > 0 ? shared : oneEach(all.filter((symbol) => symbol.local && sources(symbol) === ""));
  };

  const placeOf = (piece: Piece): ElfSymbol | null => {
    const candidates = piece.names
      .flatMap((name) => find(withoutVersion(name), piece.scope))
      .filter(({ type }) => type === symbolType.function)
      .filter(({ size, address }) => size === piece.size && isLinkedFrom(file.bytesAt(address, size), piece));
    const [only, other] = oneEach(candidates);
    if (other) throw refuse(`it has the code of ${piece.name} more than once, and which is meant cannot be told`);
    return only ?? null;
  };

  return {
    path,
    buildId,
    file,
    isStatic: readDynamic(file).needed.length === 0 && readDynamic(file).soname === null && file.dynamicSymbols.isEmpty,
    find,
    placeOf,
    inlinings: () => inliningsOf(path, file),
    namesAt: namesOf(file),
    ...imports(file),
  };
}

/** `checked` for `checked@@DEMO_2`. */
export function withoutVersion(name: string): string {
  return name.split("@", 1)[0] ?? name;
}

/** The defined symbols of a table by their names, less their versions. */
function byName(table: SymbolTable): ReadonlyMap<string, readonly ElfSymbol[]> {
  const names = new Map<string, ElfSymbol[]>();
  for (let index = 0; index < table.size; index++) {
    const symbol = table.at(index);
    const name = withoutVersion(symbol.name);
    const found = names.get(name);
    if (!symbol.defined) continue;
    if (found) found.push(symbol);
    else names.set(name, [symbol]);
  }
  return names;
}

function oneEach(symbols: readonly ElfSymbol[]): ElfSymbol[] {
  return [...new Map(symbols.map((symbol) => [symbol.address, symbol])).values()];
}

function namesOf(file: ElfFile): (address: number) => readonly string[] {
  const names = new Map<number, Set<string>>();
  for (const table of [file.symbols, file.dynamicSymbols]) {
    for (let index = 0; index < table.size; index++) {
      const { name, type, defined, address } = table.at(index);
      if (type !== symbolType.function || !defined) continue;
      names.set(address, (names.get(address) ?? new Set()).add(withoutVersion(name)));
    }
  }
  return (address) => [...(names.get(address) ?? [])];
}

function imports(file: ElfFile): Pick<Target, "replaceable" | "wanted"> {
  const { isProgram, symbolic, soname } = readDynamic(file);
  const versions = readVersions(file);
  const dynamicSymbols = (name: string) =>
    file.dynamicSymbols.named(name).map((index) => ({ index, symbol: file.dynamicSymbols.at(index) }));
  const inTables = new Set([...file.relocations()].map(({ symbol }) => symbol));
  return {
    replaceable(name, address) {
      if (isProgram || symbolic) return null;
      const found = dynamicSymbols(name).find(
        ({ symbol }) => symbol.defined && !symbol.local && symbol.visibility === 0 && symbol.address === address,
      );
      if (!found) return null;
      const version = versions.get(found.symbol.version);
      return { version: version && { ...version, file: soname ?? "" }, inTable: inTables.has(found.index) };
    },
    wanted(name) {
      const wanted = dynamicSymbols(name).filter(({ symbol }) => !symbol.defined);
      const version = wanted.length === 1 ? versions.get(wanted[0]?.symbol.version ?? 0) : undefined;
      return { version, absent: isProgram && wanted.length === 0 };
    },
  };
}
