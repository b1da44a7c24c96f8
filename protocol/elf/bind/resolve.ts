import { SutureError } from "../../errors.ts";
import { type ElfSymbol, type SymbolTable, symbolType } from "../elf-file.ts";
import type { SymbolVersion } from "../versions.ts";
import {
  createExports,
  type Exports,
  fitting,
  hasAddressForAll,
  readDynamicTable,
  spelledName,
} from "./definitions.ts";
import { type Scope, scopeOf } from "./load-order.ts";
import {
  addressIn,
  bindsItself,
  type Module,
  type Program,
  type Resolution,
  spelled,
  unsupported,
  type Wanted,
} from "./program.ts";
import { heldAnywhere, heldIn, slotsOf } from "./tables.ts";

/** A definition of a symbol: the module that has it, and what the module says of it. */
type Definition = { module: Module; symbol: ElfSymbol };
const nothing: Resolution = { kind: "nothing" };
const undecided = (why: string): Resolution => ({ kind: "undecided", why });

/**
 * Finds what names mean to a program's target, as if the linker and the dynamic linker had bound a reference of the target's own code. None
 * of the program's code runs for it. In this order:
 *
 * 1. what the target defines and nobody can replace: all of a program's own, what is hidden, or linked with -Bsymbolic
 * 2. what the target's own tables hold, which is the dynamic linker's choice
 * 3. the first module in the dynamic linker's order that exports the name, in the reference's version
 *
 * Throws `unsupported` for a thread-local name, for one that could mean two things, and for an indirect function whose variant the process
 * has not chosen; `blocked` where the process is not fully linked yet.
 */
export function createResolver(program: Program, all: readonly Wanted[]): (wanted: Wanted) => Resolution {
  const { target } = program;
  const isOwn = bindsItself(program);
  const exports = createExports(all);
  const names = new Set(all.map(({ name }) => name));
  const table = readDynamicTable(target.file());
  const mine = new Map([...names].map((name) => [name, table.named(name)] as const));
  const indices = new Set([...mine.values()].flat().map(({ index }) => index));
  const slots = indices.size > 0 ? slotsOf(program, target, indices) : new Map<number, never>();
  let scope: Scope | null | undefined;
  let symbols: SymbolTable | undefined;

  /** What the target's tables hold; null where they hold nothing for it. */
  const inTables = (wanted: Wanted): Resolution | "empty" | "unused" | null => {
    const entries = fitting(mine.get(wanted.name) ?? [], wanted);
    const held = heldIn(
      program,
      target,
      entries.flatMap(({ index }) => slots.get(index) ?? []),
    );
    const [address, ...others] = held.addresses;
    if (others.length > 0) throw ambiguous(wanted, "the target's own tables");
    if (address !== undefined) return { kind: "address", address };
    if (held.undecided) return undecided("the dynamic linker decides it in each process");
    if (!held.empty) return held.unused ? "unused" : null;
    if (entries.some(({ symbol }) => symbol.weak && !symbol.defined)) return "empty";
    throw new SutureError("blocked", `the process is not fully linked yet: ${spelled(wanted)} has no address`);
  };

  const lookUp = (wanted: Wanted): Definition | Resolution => {
    scope ??= scopeOf(program);
    return scope ? inScope(program, scope, exports, wanted) : inAny(program, exports, wanted);
  };

  const placeOf = (found: Definition | Resolution, wanted: Wanted): Resolution => {
    if ("kind" in found) return found;
    const { module, symbol } = found;
    if (symbol.type === symbolType.threadLocal)
      throw unsupported(`the payload uses ${wanted.name}, which is thread-local`);
    if (symbol.type === symbolType.indirectFunction) return choiceOf(program, found, wanted);
    return { kind: "address", address: addressIn(module, symbol) };
  };

  return (wanted) => {
    const exported = fitting(mine.get(wanted.name) ?? [], wanted).find(
      ({ symbol }) => (symbol.defined && !symbol.local) || (isOwn && hasAddressForAll(symbol)),
    );
    const own = exported && { module: target, symbol: exported.symbol };
    if (own && (isOwn || own.symbol.visibility !== 0)) return placeOf(own, wanted);
    const held = wanted.hidden ? null : inTables(wanted);
    if (held !== null && typeof held !== "string") return held;
    symbols ??= own ? undefined : target.symbols();
    const local = own || !symbols ? null : localDefinition(target, symbols, wanted);
    if (local?.isCertain === true) return placeOf({ module: target, symbol: local.symbol }, wanted);
    if (wanted.hidden) return local ? placeOf({ module: target, symbol: local.symbol }, wanted) : nothing;

    const found = lookUp(wanted);
    if (held === "empty") {
      if ("kind" in found) return found;
      throw new SutureError(
        "blocked",
        `${found.module.path} defines ${spelled(wanted)}, to which the target is not bound`,
      );
    }
    if (local) {
      const means = { module: target, symbol: local.symbol };
      if ("kind" in found) return placeOf(means, wanted);
      throw ambiguous(wanted, `${target.path} and ${found.module.path}`);
    }
    const isKnown = held === "unused" || own?.symbol.type !== symbolType.function;
    if (own && !isKnown && !("kind" in found) && found.module !== target) {
      // linked with -Bsymbolic-functions or not: nothing in the file tells
      throw unsupported(
        `${found.module.path} defines ${wanted.name} in ${target.path}'s place, and it is not known which one its own calls reach`,
      );
    }
    return placeOf(found, wanted);
  };
}

/** A symbol of the target that other modules do not see. `isCertain`: it is surely what all of the target's files mean by the name. */
function localDefinition(
  target: Module,
  symbols: SymbolTable,
  { name, version }: Wanted,
): { symbol: ElfSymbol; isCertain: boolean } | null {
  // what is wanted of a library is no symbol of the target
  if (version !== null && version.file !== null) return null;
  const found = symbols.find(name).filter((symbol) => {
    const said = spelledName(symbol.name);
    return version === null || said.version === null || said.version === version.name;
  });
  const shared = found.filter(({ local }) => !local);
  const candidates = shared.length > 0 ? shared : found;
  const [symbol] = candidates;
  if (!symbol) return null;
  if (candidates.some(({ address }) => address !== symbol.address)) throw ambiguous({ name, version }, target.path);
  return { symbol, isCertain: shared.length > 0 || symbol.visibility !== 0 || isMadeLocal(symbols, symbol) };
}

/**
 * Whether the linker made a symbol local that all of the target's files share: GNU ld writes these behind a file's symbol without a name,
 * after those of every file.
 */
function isMadeLocal(symbols: SymbolTable, { name, address }: ElfSymbol): boolean {
  const last = symbols.lastOf(symbolType.file);
  if (last === 0 || symbols.at(last).name !== "") return false;
  return symbols.named(name).some((index) => index > last && symbols.at(index).address === address);
}

/** The first module in the dynamic linker's order that defines a name for others. */
function inScope(
  program: Program,
  { global, own, others, incomplete }: Scope,
  exports: Exports,
  wanted: Wanted,
): Definition | Resolution {
  const firstOf = (modules: readonly Module[]): Definition | undefined => {
    for (const module of modules) {
      const symbol = exports(module, wanted);
      if (symbol) return { module, symbol };
    }
    return undefined;
  };
  if (!program.isRunning) {
    const found = firstOf(global);
    return found ?? (incomplete ? undecided("a library that the target needs is not here") : nothing);
  }
  if (incomplete) throw unsupported(`a module of the process cannot be read, which may define ${spelled(wanted)}`);
  const first = firstOf(global);
  const ownFirst = firstOf(own);
  // a module that the program loaded later may be bound to itself first (RTLD_DEEPBIND); and one more may be visible to it (RTLD_GLOBAL)
  if (first && ownFirst && first.module !== ownFirst.module)
    throw ambiguous(wanted, `${first.module.path} and ${ownFirst.module.path}`);
  if (first) return first;
  const other = firstOf(others);
  if (!other) return ownFirst ?? nothing;
  if (ownFirst) throw ambiguous(wanted, `${ownFirst.module.path} and ${other.module.path}`);
  throw unsupported(
    `${spelled(wanted)} is defined by ${other.module.path} alone, which the target may not see: the program loaded it later`,
  );
}

/** The one module that defines a name for others, where their order is not known. */
function inAny(program: Program, exports: Exports, wanted: Wanted): Definition | Resolution {
  const found = program.modules.flatMap((module) => {
    const symbol = exports(module, wanted);
    return symbol ? [{ module, symbol }] : [];
  });
  const [first, ...others] = found;
  if (!program.isRunning) {
    if (first) return first;
    return bindsItself(program)
      ? nothing
      : undecided("no library here defines it: the program that loads the target must");
  }
  if (!first) return nothing;
  if (others.length > 0) throw ambiguous(wanted, found.map(({ module }) => module.path).join(" and "));
  return first;
}

/** The variant of an indirect function that its resolver chose for this process, as some module's tables remember it. */
function choiceOf(program: Program, { module, symbol }: Definition, { name, version }: Wanted): Resolution {
  if (!program.isRunning) return undecided("each process chooses its own variant of it");
  for (const relocation of module.file().relocations()) {
    const isChoice = program.processor.relocation(relocation.type) === "resolver";
    if (!isChoice || relocation.addend !== BigInt(symbol.address)) continue;
    const value = program.read(module.bias() + relocation.address);
    if (value !== null && program.isCode(value)) return { kind: "address", address: value };
  }
  const [address, ...others] = heldAnywhere(program, { name, version: version ?? versionOf(module, name, symbol) });
  if (address !== undefined && others.length === 0) return { kind: "address", address };
  throw unsupported(`the process has not chosen a variant of the indirect function ${name}`);
}

/** The version in which a module defines one of its symbols. */
function versionOf(module: Module, name: string, { address }: ElfSymbol): SymbolVersion | null {
  const found = readDynamicTable(module.file())
    .named(name)
    .find(({ symbol }) => symbol.defined && symbol.address === address);
  const version = found?.version ?? null;
  return version === null ? null : { name: version, file: null };
}

function ambiguous(wanted: Pick<Wanted, "name" | "version">, where: string): SutureError {
  return unsupported(`${spelled(wanted)} is ambiguous: ${where} defines it more than once`);
}
