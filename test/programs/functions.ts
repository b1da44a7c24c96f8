import { readFileSync } from "node:fs";
import { ElfFile, symbolType } from "../../protocol/elf/elf-file.ts";
import type { CodeRange } from "./identical-payload.ts";

const frameHeaderSegment = 0x6474_e550;
/** What is shorter is seldom more than a jump. */
const shortestDescribed = 32;

/**
 * The functions of an ELF file by their exported names, in the order of the names; those that it does not have, or of which it has
 * several versions, are left out.
 */
export function exportedFunctions(path: string, names: readonly string[]): CodeRange[] {
  const file = new ElfFile(readFileSync(path));
  const taken = new Set<number>();
  return names.flatMap((name) => {
    const found = [...file.dynamicSymbols.find(name), ...file.symbols.find(name)].filter(
      ({ type, size }) => type === symbolType.function && size > 0,
    );
    const [symbol] = found;
    // two names of one function would be patched twice
    if (!symbol || found.some(({ address }) => address !== symbol.address) || taken.has(symbol.address)) return [];
    taken.add(symbol.address);
    return [{ name, address: symbol.address, size: symbol.size }];
  });
}

/**
 * The functions of a stripped ELF file, by its table for unwinding (.eh_frame_hdr), with made-up names: what a debug package has real
 * names for. What lies before the entry of the program is left out: tables of jumps, and the parts that a compiler moved out of functions.
 *
 * @see Linux Standard Base 5.0, 10.6
 */
export function describedFunctions(path: string): CodeRange[] {
  const bytes = readFileSync(path);
  const file = new ElfFile(bytes);
  const entry = Number(bytes.readBigUInt64LE(24));
  const header = file.segments.find(({ type }) => type === frameHeaderSegment);
  const table = header && file.bytesAt(header.address, header.fileSize);
  if (!table) return [];
  return Array.from({ length: table.readUInt32LE(8) }, (_, index): CodeRange => {
    const address = header.address + table.readInt32LE(12 + 8 * index);
    const description = header.address + table.readInt32LE(16 + 8 * index);
    // length, place of the common part, where the function begins, and its size
    const size = file.bytesAt(description + 12, 4)?.readUInt32LE(0) ?? 0;
    return { name: `function_${address.toString(16)}`, address, size };
  }).filter(({ address, size }) => address > entry && size >= shortestDescribed);
}
