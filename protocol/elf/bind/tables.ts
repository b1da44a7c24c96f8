import { fitting, readDynamicTable } from "./definitions.ts";
import type { Module, Program, Wanted } from "./program.ts";

/** A place in a module's tables in which the dynamic linker leaves the address of a symbol. */
type Slot = { at: number; addend: number; type: number };

/** A read-only-after-relocation segment (PT_GNU_RELRO): what lies there is the dynamic linker's and no variable of the program. */
const protectedAfterwards = 0x6474_e552;
/** A real file has one or two for a symbol; a table for every call would be a hostile one. */
const maxSlots = 64;

/**
 * Where a module's tables hold some of its dynamic symbols, by the symbols' indices: in one pass, for a hostile file has long tables.
 * A table in memory that the program may write (a pointer variable that begins with a function's address) tells nothing.
 */
export function slotsOf(program: Program, module: Module, indices: ReadonlySet<number>): ReadonlyMap<number, Slot[]> {
  const file = module.file();
  const safe = file.segments.filter(({ type }) => type === protectedAfterwards);
  const slots = new Map<number, Slot[]>();
  for (const { address: at, type, symbol, addend } of file.relocations()) {
    if (symbol === 0 || !indices.has(symbol)) continue;
    const kind = program.processor.relocation(type);
    const isSafe = safe.some(({ address, memorySize }) => at >= address && at + 8 <= address + memorySize);
    if (kind !== "symbol" && !(kind === "symbol+addend" && isSafe)) continue;
    const known = slots.get(symbol) ?? [];
    if (known.length < maxSlots) known.push({ at, addend: kind === "symbol" ? 0 : Number(addend), type });
    slots.set(symbol, known);
  }
  return slots;
}

/**
 * What slots hold: the addresses that the dynamic linker bound. `undecided`: only a running process could tell; `empty`: one holds 0, for it
 * was bound to nothing or not bound yet; `unused`: one is bound at its first use, and was not used yet.
 */
export function heldIn(
  program: Program,
  module: Module,
  slots: readonly Slot[],
): { addresses: ReadonlySet<number>; undecided: boolean; empty: boolean; unused: boolean } {
  const addresses = new Set<number>();
  let [undecided, empty, unused] = [false, false, false];
  for (const { at, addend, type } of slots) {
    const value = program.read(module.bias() + at);
    if (value === null) undecided = true;
    else if (value - addend === 0) empty = true;
    else if (isUnused(program, module, at, type, value)) unused = true;
    else addresses.add(value - addend);
  }
  return { addresses, undecided, empty, unused };
}

/** Whether an entry that is bound at its first use still holds what the file has there, which leads to the dynamic linker. */
function isUnused(program: Program, module: Module, at: number, type: number, value: number): boolean {
  if (!program.processor.isBoundLate(type)) return false;
  const initial = module.file().bytesAt(at, 8)?.readBigUInt64LE(0);
  return initial !== undefined && (BigInt(value) === initial || BigInt(value) === initial + BigInt(module.bias()));
}

/** The addresses that any module's tables hold for a name, as far as they lead to code. */
export function heldAnywhere(program: Program, wanted: Pick<Wanted, "name" | "version">): ReadonlySet<number> {
  const found = new Set<number>();
  for (const module of program.modules) {
    const symbols = fitting(readDynamicTable(module.file()).named(wanted.name), wanted);
    if (symbols.length === 0) continue;
    const slots = slotsOf(program, module, new Set(symbols.map(({ index }) => index)));
    const { addresses } = heldIn(program, module, [...slots.values()].flat());
    for (const address of addresses) if (program.isCode(address)) found.add(address);
  }
  return found;
}
