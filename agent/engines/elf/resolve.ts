import { type ElfSymbol, symbolType } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { Mapping } from "../../system/proc.ts";
import type { Machine, Reader } from "./machine.ts";
import { isCode, type Module } from "./modules.ts";

/** A running process as its symbols are looked up in; `target` is the module that the patch changes. */
export type World = {
  machine: Machine;
  memory: Reader;
  mappings: readonly Mapping[];
  modules: readonly Module[];
  target: Module;
};

/**
 * The address that a name has for the target module; null where nothing defines it. No code of the process runs for it:
 * what the dynamic linker decided is read from its tables.
 *
 * 1. the module's own symbol, exported or not; 2. what the tables of the modules already hold for the name, which is the
 * dynamic linker's own choice, among libraries and, for an indirect function, among its variants; 3. the one library that
 * exports it.
 *
 * Throws `unsupported` for a thread-local or ambiguous name, and for an indirect function that the process never used.
 */
export function resolveSymbol(world: World, name: string): number | null {
  const own = addressesOf(world.target, [
    ...world.target.file().dynamicSymbols.find(name),
    ...world.target.symbols().find(name),
  ]);
  if (own.size > 1) throw ambiguous(name, "its module");
  const [local] = own;
  if (local) return local[1].type === symbolType.indirectFunction ? choiceFor(world, world.target, local[1]) : local[0];

  for (const module of [world.target, ...world.modules]) {
    const bound = boundImport(world, module, name);
    if (bound !== null) return bound;
  }

  const exporters = world.modules.flatMap((module) => {
    const exported = module
      .file()
      .dynamicSymbols.find(name)
      .filter((symbol) => !symbol.local && !symbol.oldVersion);
    return [...addressesOf(module, exported)].map(([address, symbol]) => ({ module, address, symbol }));
  });
  const [only, ...others] = exporters;
  if (!only) return null;
  if (others.length > 0) throw ambiguous(name, exporters.map(({ module }) => module.path).join(" and "));
  return only.symbol.type === symbolType.indirectFunction ? choiceFor(world, only.module, only.symbol) : only.address;
}

/** The defined symbols of one module by their address in the process. Throws `unsupported` for a thread-local one. */
function addressesOf(module: Module, symbols: readonly ElfSymbol[]): Map<number, ElfSymbol> {
  const found = new Map<number, ElfSymbol>();
  for (const symbol of symbols) {
    if (!symbol.defined) continue;
    if (symbol.type === symbolType.threadLocal) {
      throw new SutureError("unsupported", `the payload uses ${symbol.name}, which is thread-local`);
    }
    found.set(module.bias() + symbol.address, symbol);
  }
  return found;
}

/** What a module's own tables hold for an imported name; null where it does not import it or has not bound it yet. */
function boundImport(world: World, module: Module, name: string): number | null {
  const file = module.file();
  for (const relocation of file.relocations()) {
    if (!world.machine.isImport(relocation.type) || relocation.symbol === 0) continue;
    if (!file.dynamicSymbols.isNamed(relocation.symbol, name)) continue;
    if (file.dynamicSymbols.at(relocation.symbol).defined) continue;
    const value = readAddress(world, module.bias() + relocation.address);
    // an entry that was never used still points back into the module's own code
    if (value !== 0 && !isWithin(value, module.mappings)) return value;
  }
  return null;
}

/** The variant of an indirect function that its resolver chose for this process, as its module's tables remember it. */
function choiceFor(world: World, module: Module, symbol: ElfSymbol): number {
  for (const relocation of module.file().relocations()) {
    const isChoice = world.machine.relocation(relocation.type) === "resolver";
    if (!isChoice || relocation.addend !== BigInt(symbol.address)) continue;
    const value = readAddress(world, module.bias() + relocation.address);
    if (isWithin(value, world.mappings.filter(isCode))) return value;
  }
  throw new SutureError("unsupported", `the process has not chosen a variant of the indirect function ${symbol.name}`);
}

function readAddress(world: World, at: number): number {
  return Number(world.memory.read(at, 8).readBigUInt64LE(0));
}

function isWithin(address: number, mappings: readonly Mapping[]): boolean {
  return mappings.some((mapping) => address >= mapping.start && address < mapping.end);
}

function ambiguous(name: string, where: string): SutureError {
  return new SutureError("unsupported", `${name} is ambiguous: ${where} defines it more than once`);
}
