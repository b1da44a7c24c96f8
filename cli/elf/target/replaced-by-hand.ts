import { createHash } from "node:crypto";
import { ElfFile, type ElfSymbol, symbolType } from "../../../protocol/elf/elf-file.ts";
import { attribute, type DebugInfo, type Entry, readDebugInfo, readUnits, tag, textOf } from "../debug/dwarf.ts";
import { nameOf, originOf } from "../debug/names.ts";
import type { NamedFile } from "../object/pairs.ts";
import { callersOf } from "./callers.ts";
import { withoutVersion } from "./target.ts";

/** What a patch says of a function that it replaces. */
type Replaced = { name: string; address?: string | undefined; size?: number | undefined; sha256?: string | undefined };
/** What is wrong with the `at`th function of a patch. */
export type ReplacedFault = { at: number; field: "name" | "sha256"; reason: string };

/**
 * Whether a target's file has the functions that a patch replaces, and callers that do not rely on their very code. Null where nothing
 * speaks against it. What `suture build elf` made was compared with both builds and says so by its digests; a payload that was written by
 * hand knows nothing of the target's callers.
 */
export function faultOfReplaced({ path, bytes }: NamedFile, functions: readonly Replaced[]): ReplacedFault | null {
  const file = new ElfFile(bytes);
  let mayRely: boolean | null = null;
  for (const [at, { name, address, size, sha256 }] of functions.entries()) {
    if (address !== undefined && size !== undefined && sha256 !== undefined) {
      const code = file.bytesAt(Number(address), size);
      const isIt = code !== null && createHash("sha256").update(code).digest("hex") === sha256;
      if (!isIt) return { at, field: "sha256", reason: `${path} has other code at ${address} than ${name}'s` };
      continue;
    }
    const plain = withoutVersion(name);
    const found = [...file.symbols.find(plain), ...file.dynamicSymbols.find(plain)];
    const symbol = found.find(({ type }) => type === symbolType.function);
    if (!symbol) {
      // the host may have its symbols elsewhere
      if (found.length === 0 && file.symbols.isEmpty) continue;
      return { at, field: "name", reason: `${path} has no function ${name}` };
    }
    mayRely ??= callersMayRely(path, file);
    if (mayRely && !callsOutside(file, symbol.address, symbol.size) && hasNeighbour(path, file, symbol))
      return { at, field: "name", reason: reliance(name) };
  }
  return null;
}

function reliance(name: string): string {
  return `callers of ${name} may keep values in registers that it happens to leave alone (GCC's -fipa-ra), and the replacement may not: make the payload with suture build elf, or compile the target with -fno-ipa-ra`;
}

/**
 * Whether GCC may have let callers rely on the registers that a function of their own file leaves alone, as it does with any optimisation
 * (gcc(1), -fipa-ra). Where no debugging information names the options, it is taken as if not: then nothing can be told.
 */
function callersMayRely(path: string, file: ElfFile): boolean {
  return readUnits(path, file).some((unit) => {
    const words = textOf(unit, attribute.producer).split(" ");
    const level = words.findLast((word) => word.startsWith("-O")) ?? "-O0";
    return words[0] === "GNU" && level !== "-O0" && !words.includes("-fno-ipa-ra") && !words.includes("-pg");
  });
}

/** All entries are held at once, and take some fifty times as much. */
const maxInfoBytes = 32 * 1024 * 1024;

/** Whether a function of the same source file calls it, or may: others know nothing of its code. */
function hasNeighbour(path: string, file: ElfFile, { name, address }: ElfSymbol): boolean {
  const callers = callersOf({ file }, address).map(sourceName);
  const info = file.sections.find((section) => file.nameOf(section) === ".debug_info");
  if (callers.length === 0 || !info || info.size > maxInfoBytes) return callers.length > 0;
  const debug = readDebugInfo(path, file);
  return debug.units.some((unit) => {
    const functions = unit.children.filter(
      (entry) => entry.tag === tag.function && !entry.values.has(attribute.declaration),
    );
    const names = new Set(functions.flatMap((entry) => namesOf(entry, debug)));
    return names.has(sourceName(name)) && callers.some((caller) => names.has(caller));
  });
}

function namesOf(entry: Entry, debug: DebugInfo): string[] {
  const linkage = textOf(entry, attribute.linkageName) || textOf(originOf(entry, debug), attribute.linkageName);
  return [linkage, nameOf(entry, debug) ?? ""].filter((name) => name !== "");
}

/** `sum` for `sum.cold`: what the compiler makes of a function has a dot and a word more. */
function sourceName(name: string): string {
  return withoutVersion(name).split(".", 1)[0] ?? name;
}

const tables = { ofCalls: /^\.(?:plt|iplt)/, ofAddresses: /^\.got/ };

/** Whether a function calls what lies in a library: then its callers had to take every register for lost already. */
function callsOutside(file: ElfFile, address: number, size: number): boolean {
  const code = file.bytesAt(address, size);
  if (!code) return false;
  const isWithin = (at: number, name: RegExp) =>
    file.sections.some(
      (section) =>
        section.allocated &&
        at >= section.address &&
        at < section.address + section.size &&
        name.test(file.nameOf(section)),
    );
  for (let at = 0; at + 5 <= code.length; at++) {
    const [first, second] = [code[at], code[at + 1]];
    // call or jmp near; call or jmp through memory near the instruction
    if ((first === 0xe8 || first === 0xe9) && isWithin(address + at + 5 + code.readInt32LE(at + 1), tables.ofCalls))
      return true;
    const isThroughTable = first === 0xff && (second === 0x15 || second === 0x25) && at + 6 <= code.length;
    if (isThroughTable && isWithin(address + at + 6 + code.readInt32LE(at + 2), tables.ofAddresses)) return true;
  }
  return false;
}
