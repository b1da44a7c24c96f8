import { SutureError } from "../../errors.ts";
import { readDynamic } from "../dynamic.ts";
import { absoluteSection, type ElfFile, type ElfSymbol, type SymbolTable } from "../elf-file.ts";
import type { SymbolVersion } from "../versions.ts";
import type { Processor } from "./processor.ts";

/** An ELF file of a program, where it lies in it. */
export type Module = {
  path: string;
  /** The parsed file. Throws `unsupported`, `no-permission`. */
  file(): ElfFile;
  /** Every symbol that is known of it, as in .symtab. Throws likewise. */
  symbols(): SymbolTable;
  /** What is added to an address of the file to get one of the program. Throws `unsupported`. */
  bias(): number;
};

/** A program as a payload is bound in it: a running process, or the files that one would be made of. */
export type Program = {
  processor: Processor;
  /** the module that the patch changes */
  target: Module;
  modules: readonly Module[];
  /** whether it is a process: where it is not, much is decided only when it becomes one */
  isRunning: boolean;
  /**
   * The modules in the order in which the dynamic linker loaded them, the program itself first; null stands for one that cannot be read.
   * Null where there is no such order: in a static program, or where it is not known.
   */
  loadOrder(): readonly (Module | null)[] | null;
  /** The 8 bytes at an address as a number; null where only a running process could tell. Throws where it cannot be read. */
  read(address: number): number | null;
  isCode(address: number): boolean;
};

/** A symbol that a payload asks for. `hidden`: nothing but the target itself may define it. */
export type Wanted = { name: string; version: SymbolVersion | null; weak: boolean; hidden: boolean };

/**
 * What a name means to the target: an address, nothing at all (a weak reference that stays 0), or what only a running process tells.
 */
export type Resolution =
  | { kind: "address"; address: number }
  | { kind: "nothing" }
  | { kind: "undecided"; why: string };

/** Whether the target is the program itself or binds its own symbols, so that no other module can define them in its place. */
export function bindsItself(program: Program): boolean {
  const { symbolic, isProgram } = readDynamic(program.target.file());
  const order = program.loadOrder();
  if (symbolic) return true;
  return order ? order[0] === program.target : isProgram;
}

/** A symbol of a name and version as a person writes it. */
export function spelled({ name, version }: Pick<Wanted, "name" | "version">): string {
  return version ? `${name}@${version.name}` : name;
}

/** An address of a symbol in the program; one that belongs to no section is the same wherever the module lies. */
export function addressIn(module: Module, symbol: ElfSymbol): number {
  return symbol.section === absoluteSection ? symbol.address : module.bias() + symbol.address;
}

export function unsupported(reason: string): SutureError {
  return new SutureError("unsupported", reason);
}
