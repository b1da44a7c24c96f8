import { readDynamic } from "../../../protocol/elf/dynamic.ts";
import { isSutureError } from "../../../protocol/errors.ts";
import { isSystemError, type Mapping } from "../../system/proc.ts";
import type { Reader } from "./machine.ts";
import type { Module } from "./modules.ts";

/** Places in `struct r_debug` and `struct link_map` (link.h); all fields are 8 bytes long. */
const debug = { map: 8, next: 40 };
const map = { dynamic: 16, next: 24 };
/** The version of `struct r_debug` from which on it says where the next namespace's is. */
const withNamespaces = 2;
const maxModules = 4096;
const highestAddress = 0x7fff_ffff_f000n;
const maxNamespaces = 16;

/**
 * The modules of a process in the order in which its dynamic linker loaded them, the program first: those of the target's namespace, where
 * there are several (dlmopen(3)). Null stands for one that is not among the modules. The process may write anything there: nothing is opened
 * or followed without end for it.
 *
 * Null where there is no such list: the program is static, or it has only just begun.
 *
 * @see https://sourceware.org/gdb/wiki/LinkerInterface; link.h
 */
export function readLoadOrder(
  memory: Reader,
  mappings: readonly Mapping[],
  modules: readonly Module[],
  target: Module,
): readonly (Module | null)[] | null {
  const read = (address: number) => {
    const value = memory.read(address, 8).readBigUInt64LE(0);
    // no address of a process, and none that could be read
    return value > highestAddress ? 0 : Number(value);
  };
  try {
    let list = 0;
    // the program lies before its libraries as a rule: no other file is opened
    for (const module of modules) if (list === 0) list = debugOf(module, read);
    for (let turn = 0; turn < maxNamespaces && list !== 0; turn++) {
      const order = modulesOf(read(list + debug.map), read, mappings, modules);
      if (order.includes(target)) return order;
      list = memory.read(list, 4).readInt32LE(0) >= withNamespaces ? read(list + debug.next) : 0;
    }
    return null;
  } catch (error) {
    if (isSystemError(error, "EIO", "EFAULT")) return null;
    throw error;
  }
}

/** Where the dynamic linker's list is, as it left it in a program; 0 where it left none there. */
function debugOf(module: Module, read: (address: number) => number): number {
  try {
    const { debugAt } = readDynamic(module.file());
    return debugAt === null ? 0 : read(module.bias() + debugAt);
  } catch (error) {
    // one that cannot be read is not the program's own file, or its symbols are not found later on
    if (isSutureError(error, "unsupported") || isSutureError(error, "no-permission")) return 0;
    throw error;
  }
}

function modulesOf(
  first: number,
  read: (address: number) => number,
  mappings: readonly Mapping[],
  modules: readonly Module[],
): (Module | null)[] {
  const order: (Module | null)[] = [];
  let entry = first;
  for (let turn = 0; entry !== 0 && turn < maxModules; turn++, entry = read(entry + map.next)) {
    const dynamic = read(entry + map.dynamic);
    const isHere = ({ start, end }: Mapping) => dynamic >= start && dynamic < end;
    const module = modules.find((each) => each.mappings.some(isHere));
    // the kernel's own library is looked through by nobody
    if (!module && mappings.find(isHere)?.path === "[vdso]") continue;
    if (!module || !order.includes(module)) order.push(module ?? null);
  }
  return order;
}
