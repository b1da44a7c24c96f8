import { readDynamic } from "../dynamic.ts";
import type { Module, Program } from "./program.ts";

/**
 * Where the dynamic linker looks names up for a target, in order. `global`: the program, what was preloaded and what these need. `own`: what
 * a module needs that the program loaded later. `others`: further modules that were loaded later, which the target may see or not: the
 * dynamic linker does not say. `incomplete`: a module that counts cannot be read.
 */
export type Scope = {
  global: readonly Module[];
  own: readonly Module[];
  others: readonly Module[];
  incomplete: boolean;
};

/**
 * The scope of a program's target; null where the order is not known.
 *
 * @see ld.so(8), dlopen(3): "RTLD_GLOBAL"
 */
export function scopeOf(program: Program): Scope | null {
  const order = program.loadOrder();
  const [head] = order ?? [];
  if (!order || !head) return null;
  const modules = order.filter((module) => module !== null);
  const named = new Map(
    modules.toReversed().flatMap((module) => namesOf(module).map((name) => [name, module] as const)),
  );
  const global = closure([head, ...preloaded(order, named)], named);
  const own = global.has(program.target) ? new Set<Module>() : closure([program.target], named);
  return {
    global: modules.filter((module) => global.has(module)),
    own: [...own],
    others: modules.filter((module) => !global.has(module) && !own.has(module)),
    incomplete: modules.length < order.length,
  };
}

/** What was loaded before all that the program needs: LD_PRELOAD. */
function preloaded(order: readonly (Module | null)[], named: ReadonlyMap<string, Module>): Module[] {
  const [head, ...rest] = order;
  const needed = new Set(head ? readDynamic(head.file()).needed.map((name) => named.get(name)) : []);
  const first = rest.findIndex((module) => module !== null && needed.has(module));
  return rest.slice(0, Math.max(0, first)).filter((module) => module !== null);
}

/** Modules and all that they need, breadth first. */
function closure(roots: readonly Module[], named: ReadonlyMap<string, Module>): Set<Module> {
  const found = new Set(roots);
  for (const module of found) {
    for (const name of readDynamic(module.file()).needed) {
      const needed = named.get(name);
      if (needed) found.add(needed);
    }
  }
  return found;
}

/** The names by which others need a module. */
function namesOf(module: Module): string[] {
  const { soname } = readDynamic(module.file());
  const file = module.path.slice(module.path.lastIndexOf("/") + 1);
  return soname === null ? [module.path, file] : [module.path, file, soname];
}
