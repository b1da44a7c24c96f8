import { buildOf } from "../../protocol/build-id.ts";
import { readDynamic } from "../../protocol/elf/dynamic.ts";
import { ElfFile, type ElfSymbol, symbolType } from "../../protocol/elf/elf-file.ts";
import { readVersions, type SymbolVersion } from "../../protocol/elf/versions.ts";
import { SutureError } from "../../protocol/errors.ts";
import { type Inlining, inliningsOf } from "./inlining.ts";
import { coldSuffix, type Piece } from "./object-file.ts";
import { relaxedRange } from "./relocations.ts";

/** The binary that runs. */
export type Target = {
  buildId: string;
  /** which functions lie inside of which others, as far as its debugging information tells */
  inlinings: readonly Inlining[];
  /**
   * Its own symbol of a name, as a source file means it, or (`scope` null) as all do; null where it has none.
   * Throws `unsupported` where it has several.
   */
  find(name: string, scope: string | null): ElfSymbol | null;
  /**
   * Whether another module may define a symbol of its in its place, as what a library exports; null where none may. `inTable`: its own
   * code reaches it through a table that the dynamic linker fills in.
   */
  replaceable(name: string, address: number): { version: SymbolVersion | undefined; inTable: boolean } | null;
  /** The version in which it wants a name of its libraries. `absent`: it is a program that does not want it, so nothing defines it. */
  wanted(name: string): { version: SymbolVersion | undefined; absent: boolean };
  /**
   * Makes sure that it has each of the functions exactly as an object file has it, and no copy that is not among them.
   * Throws `unsupported`.
   */
  expect(functions: readonly Piece[]): void;
};

const shortest = { plain: 5, withLandingPad: 9 };
const landingPad = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);

/** Throws `unsupported` where it has no build-id, or is no ELF file. */
export function readTarget(path: string, bytes: Buffer): Target {
  const file = new ElfFile(bytes);
  const refuse = (reason: string) => new SutureError("unsupported", `${path}: ${reason}`);
  const buildId = buildOf(bytes);
  if (buildId === null) throw refuse("it holds no code");

  const sources = sourceFiles(file);
  const only = (name: string, found: readonly ElfSymbol[]): ElfSymbol | null => {
    const [symbol] = found;
    if (found.some(({ address }) => address !== symbol?.address)) throw refuse(`it has more than one ${name}`);
    return symbol ?? null;
  };
  const find = (name: string, scope: string | null): ElfSymbol | null => {
    const shared = [...file.dynamicSymbols.find(name), ...file.symbols.find(name).filter(({ local }) => !local)];
    if (scope === null) return only(name, shared);
    return only(
      name,
      file.symbols.find(name).filter((symbol) => symbol.local && sources(symbol) === scope),
    );
  };

  const { isProgram, symbolic, soname } = readDynamic(file);
  const versions = readVersions(file);
  const dynamicSymbols = (name: string) =>
    file.dynamicSymbols.named(name).map((index) => ({ index, symbol: file.dynamicSymbols.at(index) }));
  const inTables = new Set([...file.relocations()].map(({ symbol }) => symbol));

  const replaceable: Target["replaceable"] = (name, address) => {
    if (isProgram || symbolic) return null;
    const found = dynamicSymbols(name).find(
      ({ symbol }) => symbol.defined && !symbol.local && symbol.visibility === 0 && symbol.address === address,
    );
    if (!found) return null;
    const version = versions.get(found.symbol.version);
    return { version: version && { ...version, file: soname ?? "" }, inTable: inTables.has(found.index) };
  };
  const wanted: Target["wanted"] = (name) => {
    const imports = dynamicSymbols(name).filter(({ symbol }) => !symbol.defined);
    const version = imports.length === 1 ? versions.get(imports[0]?.symbol.version ?? 0) : undefined;
    return { version, absent: isProgram && imports.length === 0 };
  };

  const expectFunction = (piece: Piece, names: ReadonlySet<string>): void => {
    // an agent finds the function by its name alone
    only(piece.name, file.symbols.find(piece.name));
    const symbol = find(piece.name, piece.scope);
    if (symbol?.type !== symbolType.function) {
      throw refuse(`it has no function ${piece.name}: it is stripped, or the linker or compiler left it out`);
    }
    const copy = file.symbols
      .derivedFrom(piece.name)
      .find(({ name, type }) => type === symbolType.function && !coldSuffix.test(name) && !names.has(name));
    if (copy) throw refuse(`${copy.name} is a copy of ${piece.name} that the fix leaves as it is`);
    const least = piece.bytes.subarray(0, 4).equals(landingPad) ? shortest.withLandingPad : shortest.plain;
    if (piece.size < least) throw refuse(`${piece.name} is too short to be replaced: ${piece.size} bytes`);
    const running = symbol.size === piece.size ? file.bytesAt(symbol.address, piece.size) : null;
    if (!running || !masked(running, piece).equals(masked(piece.bytes, piece))) {
      throw refuse(`its ${piece.name} is not the one of the build before: other source, compiler or flags`);
    }
  };

  return {
    buildId,
    inlinings: inliningsOf(path, file),
    find,
    replaceable,
    wanted,
    expect(functions) {
      const names = new Set(functions.map(({ name }) => name));
      for (const piece of functions) expectFunction(piece, names);
    },
  };
}

/** A function's code without what the linker fills in. */
function masked(bytes: Buffer, piece: Piece): Buffer {
  const code = Buffer.from(bytes.subarray(0, piece.size));
  for (const { at, type } of piece.references) {
    const { before, behind } = relaxedRange(type);
    code.fill(0, Math.max(0, at - before), at + behind);
  }
  return code;
}

/** Which source file a local symbol is from: a symbol table has a file's name before its local symbols. */
function sourceFiles({ symbols }: ElfFile): (symbol: ElfSymbol) => string {
  const fileOf = new Map<string, string>();
  let current = "";
  for (let index = 0; index < symbols.size; index++) {
    const symbol = symbols.at(index);
    if (symbol.type === symbolType.file) current = symbol.name;
    else if (symbol.local) fileOf.set(`${symbol.name} ${symbol.address}`, current);
  }
  return ({ name, address }) => fileOf.get(`${name} ${address}`) ?? "";
}
