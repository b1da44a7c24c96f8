import type { Program } from "../../../protocol/elf/bind/program.ts";
import type { Mapping } from "../../system/proc.ts";
import { readLoadOrder } from "./load-order.ts";
import type { Machine, Reader } from "./machine.ts";
import { isCode, type Module } from "./modules.ts";

/** A running process as a patch is prepared for it; `target` is the module that the patch changes. */
export type World = {
  machine: Machine;
  memory: Reader;
  mappings: readonly Mapping[];
  modules: readonly Module[];
  target: Module;
};

/**
 * A process as a payload is bound in it (protocol/elf/bind): what the dynamic linker decided is read from its memory, and none of its code
 * runs for it.
 */
export function programOf({ machine, memory, mappings, modules, target }: World): Program {
  const code = mappings.filter(isCode);
  let order: readonly (Module | null)[] | null | undefined;
  return {
    processor: machine,
    target,
    modules,
    isRunning: true,
    loadOrder() {
      if (order === undefined) order = readLoadOrder(memory, mappings, modules, target);
      return order;
    },
    read: (address) => Number(memory.read(address, 8).readBigUInt64LE(0)),
    isCode: (address) => code.some(({ start, end }) => address >= start && address < end),
  };
}
