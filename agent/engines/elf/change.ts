import { setTimeout as sleep } from "node:timers/promises";
import { SutureError } from "../../../protocol/errors.ts";
import type { ProcessMemory } from "../../system/proc.ts";
import { openAddressSpace } from "./address-space.ts";
import type { AddressRange, Machine } from "./machine.ts";
import { type ProcessId, withMemory } from "./memory.ts";
import { type FileCache, type Module, readModules } from "./modules.ts";
import type { KnownCalls } from "./search.ts";
import { withAllStopped } from "./stop.ts";
import { type Code, callsOf, codeOf, type Snapshot } from "./unwind.ts";
import { rangeOf } from "./words.ts";

/** How a change of a process's code went. */
export type ChangeReport = { threads: number; attempts: number; pauseMicros: number };

/** A thread in the way is waited for this often, with these pauses in milliseconds. */
const backOff = [2, 5, 10, 20, 50, 100, 200, 400, 800];

/**
 * Changes a process's code while all its threads stand still and none is inside any of the ranges. Where one may be, the calls that it is
 * in are found while the process runs on: a word that an ended call left on a stack is in nobody's way at the next attempt.
 *
 * Throws `blocked` after the last attempt, with the thread and the reason; else as `withAllStopped` does.
 */
export async function changeCode(
  machine: Machine,
  files: FileCache,
  process: ProcessId,
  ranges: readonly AddressRange[],
  change: (memory: ProcessMemory) => void,
  rehearse: () => void,
): Promise<ChangeReport> {
  const known: KnownCalls[] = [];
  const space = openAddressSpace(process.pid);
  let modules: readonly Module[] | null = null;
  let pauseMicros = 0;
  for (let attempt = 1; ; attempt++) {
    const { threads, busy, suspects, ...report } = withMemory(process, (memory) =>
      withAllStopped(space, machine, ranges, known, modules && codeOf(modules, memory), () => change(memory), rehearse),
    );
    pauseMicros = Math.max(pauseMicros, report.pauseMicros);
    if (!busy) return { threads, attempts: attempt, pauseMicros };
    const pause = backOff[attempt - 1];
    if (pause === undefined) {
      throw new SutureError("blocked", `thread ${busy.tid}: ${busy.reason}`, {
        data: { threads, attempts: attempt, pauseMicros },
      });
    }
    const read = readModules(process.pid, files).modules;
    known.push(...withMemory(process, (memory) => harmless(machine, codeOf(read, memory), suspects, ranges)));
    modules = read;
    await sleep(pause);
  }
}

/** The calls of those suspects that are beyond doubt in none of the ranges. */
function harmless(
  machine: Machine,
  code: Code,
  suspects: readonly Snapshot[],
  ranges: readonly AddressRange[],
): KnownCalls[] {
  return suspects.flatMap((snapshot) => {
    const calls = callsOf(machine, code, snapshot);
    return calls && !calls.addresses.some((address) => rangeOf(address, ranges)) ? [{ snapshot, calls }] : [];
  });
}
