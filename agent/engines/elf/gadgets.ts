import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import type { ProcessMemory } from "../../system/proc.ts";
import type { Gadgets, Machine } from "./machine.ts";
import { isCode, type Module } from "./modules.ts";

/**
 * Finds the code that a thread runs for an injected system call, in the C library or anywhere else: by the modules' files, as long as the
 * same lies in the process's memory. Throws `unsupported`.
 */
export function findGadgets(machine: Machine, modules: readonly Module[], memory: ProcessMemory): Gadgets {
  let found: Partial<Gadgets> = {};
  const libraryFirst = [...modules].sort((one, other) => Number(isLibc(other.path)) - Number(isLibc(one.path)));
  for (const module of libraryFirst) {
    found = { ...gadgetsOf(machine, module, memory), ...found };
    const { syscallReturn, signalReturn } = found;
    if (syscallReturn !== undefined && signalReturn !== undefined) return { syscallReturn, signalReturn };
  }
  throw new SutureError("unsupported", "the process has no code through which a system call could be injected safely");
}

const pieceBytes = 1024 * 1024;
/** Of one module; real programs have the code that is looked for in their first few megabytes. */
const maxSearchedBytes = 512 * 1024 * 1024;

/** By file: a library is searched once, for it is large. */
const knownGadgets = new WeakMap<ElfFile, Partial<Gadgets>>();

function gadgetsOf(machine: Machine, module: Module, memory: ProcessMemory): Partial<Gadgets> {
  let file: ElfFile;
  try {
    file = module.file();
  } catch (error) {
    if (!isSutureError(error, "no-permission")) throw error;
    return searchMemory(machine, module, memory);
  }
  const known = knownGadgets.get(file) ?? searchFile(machine, file);
  knownGadgets.set(file, known);
  const inMemory = Object.entries(known).flatMap(([name, address]): [string, number][] => {
    const at = module.bias() + address;
    const bytes = file.bytesAt(address, machine.gadgetBytes);
    return bytes && memory.read(at, machine.gadgetBytes).equals(bytes) ? [[name, at]] : [];
  });
  return Object.fromEntries(inMemory);
}

function searchMemory(machine: Machine, module: Module, memory: ProcessMemory): Partial<Gadgets> {
  let found: Partial<Gadgets> = {};
  for (const { start, end } of module.mappings.filter(isCode)) {
    for (const [at, size] of piecesOf(machine, start, end - start)) {
      found = { ...machine.findGadgets(memory.read(at, size), at), ...found };
      if (areAll(found)) return found;
    }
  }
  return found;
}

/** Code is searched piece by piece, for a module's can be of any size; pieces overlap by what a gadget takes. */
function* piecesOf(machine: Machine, start: number, size: number): Generator<[at: number, size: number]> {
  for (let done = 0; done < Math.min(size, maxSearchedBytes); done += pieceBytes)
    yield [start + done, Math.min(pieceBytes + machine.gadgetBytes, size - done)];
}

function areAll({ syscallReturn, signalReturn }: Partial<Gadgets>): boolean {
  return syscallReturn !== undefined && signalReturn !== undefined;
}

function searchFile(machine: Machine, file: ElfFile): Partial<Gadgets> {
  let found: Partial<Gadgets> = {};
  for (const segment of file.loaded.filter((part) => part.executable)) {
    for (const [at, size] of piecesOf(machine, segment.address, segment.fileSize)) {
      const code = file.bytesAt(at, size);
      if (code) found = { ...machine.findGadgets(code, at), ...found };
      if (areAll(found)) return found;
    }
  }
  return found;
}

function isLibc(path: string): boolean {
  return /\/(?:libc[.-]|ld-musl)/.test(path);
}
