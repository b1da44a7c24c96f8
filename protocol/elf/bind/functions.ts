import { createHash } from "node:crypto";
import { SutureError } from "../../errors.ts";
import { type ElfFile, type ElfSymbol, type SymbolTable, symbolType } from "../elf-file.ts";
import { isAlias } from "./aliases.ts";
import { type DynamicTable, readDynamicTable, spelledName } from "./definitions.ts";
import type { Processor } from "./processor.ts";
import { type Module, unsupported } from "./program.ts";

/** A function that a patch replaces, as its manifest names it. */
export type NamedFunction = {
  name: string;
  address?: string | undefined;
  size?: number | undefined;
  sha256?: string | undefined;
  aliases?: readonly string[] | undefined;
};

/** A function of the target: where it lies in the file, how long it is, and the parts that the compiler moved away from it. */
export type FoundFunction = { name: string; address: number; size: number; parts: readonly ElfSymbol[] };

/** A target's file, with all the symbols that are known of it: what a program carries within it leaves out what it exports. */
export type Symbols = { file: ElfFile; tables: readonly SymbolTable[]; dynamic: DynamicTable };

const pageBytes = 4096;

/** Reads the symbols of a target, once for all of its functions. Throws `unsupported`, `no-permission`. */
export function readSymbols(target: Pick<Module, "file" | "symbols">): Symbols {
  const file = target.file();
  return { file, tables: [target.symbols(), file.dynamicSymbols], dynamic: readDynamicTable(file) };
}

/**
 * Finds a function that is to be replaced, by its address where the patch gives one, and else by its name. `replaced` are the names of all
 * functions that the patch replaces.
 *
 * Throws `unsupported` where the binary lacks it or has several of the name, where code of another name would change with it, and where a
 * copy of it would stay; `not-applicable` where other bytes are there than the patch was made for.
 */
export function findFunction(target: Symbols, named: NamedFunction, replaced: ReadonlySet<string>): FoundFunction {
  const { name } = named;
  const { tables } = target;
  const { address, size } = placeOf(target, named, functionsNamed(target, name));
  expectBytes(target.file, { ...named, address, size });

  const others = tables.flatMap((table) => table.within(address, size)).filter(isFunction);
  const base = spelledName(name).name;
  const strangers = others.filter((other) => other.address === address && !isAlias(other.name, named));
  if (strangers.length > 0) {
    throw unsupported(
      `${name} is the same code as ${namesOf(strangers)}, which would change with it; where that is meant, the patch names it under aliases`,
    );
  }
  const derived = tables.flatMap((table) => table.derivedFrom(base)).filter(isFunction);
  const isCold = (other: ElfSymbol) => /\.cold(?:\.\d+)?$/.test(other.name);
  // a patch with its address and digest was made by comparing both builds, copies included, as `suture build elf` does
  const isCompared = named.address !== undefined && named.sha256 !== undefined;
  const clone = derived.find((other) => !isCold(other) && other.address !== address && !replaced.has(other.name));
  if (clone && !isCompared) throw unsupported(`${clone.name} is a copy of ${name} that calls would still reach`);
  return { name, address, size, parts: derived.filter(isCold) };
}

/**
 * Where in a function its jump goes, and how many of its bytes count for that: from its start to the jump's end. `others` begin in the
 * jump's way. Throws `unsupported` where it is too short, lies across two pages, or other code begins within.
 */
export function jumpPlace(
  target: Symbols,
  found: Omit<FoundFunction, "parts">,
  processor: Processor,
): { offset: number; bytes: Buffer } {
  const { name, address, size } = found;
  const { file } = target;
  const head = size < 4 ? null : file.bytesAt(address, 4);
  const offset = head ? processor.jumpOffset(head) : 0;
  const end = offset + processor.jumpBytes;
  if (size < end) throw unsupported(`${name} is too short: ${size} bytes`);
  const bytes = file.bytesAt(address, end);
  if (!bytes) throw unsupported(`${name} lies outside of the binary's code`);
  const inside = target.tables
    .flatMap((table) => table.within(address, end))
    .find((other) => isFunction(other) && other.address !== address);
  if (inside) throw unsupported(`${inside.name} begins within the first ${end} bytes of ${name}`);
  // the kernel writes page by page, and a death between two would leave half a jump
  if (Math.floor((address + offset) / pageBytes) !== Math.floor((address + end - 1) / pageBytes)) {
    throw unsupported(`the entry of ${name} lies across two pages`);
  }
  return { offset, bytes };
}

/** The functions of a name, in the version that it is spelled with. */
function functionsNamed({ tables, dynamic }: Symbols, text: string): ElfSymbol[] {
  const { name, version } = spelledName(text);
  const found = tables.flatMap((table) => table.find(text)).filter(isReplaceable);
  if (version === null) return found;
  const versioned = [
    ...(tables[0]?.find(name) ?? []).filter((symbol) => spelledName(symbol.name).version === version),
    ...dynamic
      .named(name)
      .filter((each) => each.symbol.defined && each.version === version)
      .map(({ symbol }) => symbol),
  ];
  return [...found, ...versioned.filter(isReplaceable)];
}

function placeOf(
  target: Symbols,
  { name, address: written, size: length }: NamedFunction,
  found: readonly ElfSymbol[],
): { address: number; size: number } {
  if (written === undefined) {
    const [symbol] = found;
    if (!symbol) throw unsupported(`the binary has no function ${name}`);
    if (found.some((other) => other.address !== symbol.address)) {
      throw unsupported(`the binary has more than one function ${name}${versionsOf(target, name)}`);
    }
    return { address: symbol.address, size: symbol.size };
  }
  const address = Number.parseInt(written, 16);
  const symbol = found.find((each) => each.address === address);
  if (found.length > 0 && !symbol) throw unsupported(`${name} does not lie at ${written} in the binary`);
  const size = symbol?.size ?? length;
  if (size === undefined)
    throw unsupported(`the binary has no symbol for ${name}, and the patch does not tell its size`);
  if (length !== undefined && length !== size)
    throw unsupported(`${name} has ${size} bytes in the binary, and not ${length}`);
  const holder = target.file.loaded.find(
    (part) => address >= part.address && address + size <= part.address + part.fileSize,
  );
  if (holder?.executable !== true) throw unsupported(`${name} lies outside of the binary's code`);
  return { address, size };
}

/** Throws `not-applicable` where other bytes are there than the patch was made for. */
function expectBytes(
  file: ElfFile,
  { name, address, size, sha256 }: { name: string; address: number; size: number; sha256?: string | undefined },
): void {
  if (sha256 === undefined) return;
  const bytes = file.bytesAt(address, size);
  if (bytes && createHash("sha256").update(bytes).digest("hex") === sha256) return;
  throw new SutureError(
    "not-applicable",
    `its ${name} is not the one that the patch was made for, whatever its build-id says`,
  );
}

/** The names to choose from where a name alone has several versions. */
function versionsOf(target: Symbols, name: string): string {
  const names = target.dynamic
    .named(name)
    .flatMap(({ symbol, version }) => (symbol.defined && version !== null ? [`${name}@${version}`] : []));
  return names.length > 0 ? `: say which of ${names.join(", ")}` : "";
}

/** Names without their versions, each once. */
function namesOf(symbols: readonly ElfSymbol[]): string {
  return [...new Set(symbols.map(({ name }) => spelledName(name).name))].join(", ");
}

/** An indirect function is a choice of others, which are replaced by their own names. */
function isReplaceable({ type }: ElfSymbol): boolean {
  return type === symbolType.function;
}

function isFunction({ type }: ElfSymbol): boolean {
  return type === symbolType.function || type === symbolType.indirectFunction;
}
