import type { ElfPatch, Engine, Outcome } from "../../../agent/engines/engine.ts";
import { patchFor } from "../elf/target.ts";

/** What is done to a program: the first patch, or the second that takes its place. */
export type Order = "apply" | "supersede" | "undo" | "undo second" | "recover";

/** A patch as it can be told to another process. */
export type Version = { binary: string; payload: string; functions: ElfPatch["variant"]["functions"] };

/** The first version of a patch, and the second, which replaces it. */
export function patchOf({ binary, payload, functions }: Version, index: number): ElfPatch {
  const patch = patchFor(binary, payload, functions);
  return index === 0 ? patch : { ...patch, id: patch.id.replace(/@1$/, "@2"), replaces: [patch.id] };
}

/** Has an engine do it. */
export async function carryOut(
  engine: Engine,
  [first, second]: readonly ElfPatch[],
  order: Order,
): Promise<readonly Outcome[]> {
  if (!first || !second) throw new TypeError("two patches are wanted");
  if (order === "apply") return [await engine.apply(first)];
  if (order === "supersede") return [await engine.apply(second)];
  if (order === "undo") return [await engine.undo(first.id)];
  if (order === "undo second") return [await engine.undo(second.id)];
  return engine.recover();
}
