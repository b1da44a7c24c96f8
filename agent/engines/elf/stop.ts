import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SutureError } from "../../../protocol/errors.ts";
import { countThreads, listThreads, type Mapping, readMappings, threadStatus } from "../../system/proc.ts";
import { registers, withPriority } from "../../system/ptrace.ts";
import { isKernelWorker, whyItDoesNotStop } from "../../system/thread-state.ts";
import type { AddressSpace } from "./address-space.ts";
import {
  type Held,
  holdNothing,
  releaseOthers,
  releaseThreads,
  seizeAll,
  stopAll,
  type Thread,
} from "./held-threads.ts";
import { repairSystemCall } from "./let-go.ts";
import type { AddressRange, Machine } from "./machine.ts";
import {
  type Busy,
  endOfStack,
  type KnownCalls,
  maxStackBytes,
  rangeOf,
  searchStacks,
  type WantedRanges,
  wanted,
} from "./stacks.ts";
import type { Snapshot } from "./unwind.ts";

/** What stands in the way in a stopped process, and the threads of which their calls would tell whether they do. */
type Obstacles = { busy: Busy | null; suspects: Snapshot[] };
/** One stop of a process: how many threads, for how long from the first's interruption to the last's release, and what stood in the way. */
export type StopReport = Obstacles & { threads: number; pauseMicros: number };

setFlagsFromString("--expose-gc");
const collectGarbage: (options: { type: "minor" }) => void = runInNewContext("gc");

/**
 * A stop that would take longer is not begun, and one that does is given up; milliseconds. At about 20 us a thread, which are five system
 * calls and a hand-over between processors, it is enough for some 10,000 threads.
 */
const longestPauseMs = 200;
const microsPerThread = 20;

/**
 * Stops every thread of every process that uses an address space, and runs `change` if none is inside any of the ranges: neither its
 * instruction pointer nor a word of its stack, which may be a return address, lies in one. Then lets all go on. Ksplice's rule, less the
 * words of threads whose calls are known to be others.
 *
 * The target notices nothing but time: system calls that the stop ended are made again, signals wait, threads that are born
 * meanwhile are stopped too, and children go on with the rest. Throws `blocked` where another tracer holds it, where a thread does not stop,
 * and where there are too many; `not-applicable` where it is gone or becomes another program, `no-permission`; and whatever `change`
 * throws, after all have gone on.
 *
 * @param ranges at least one
 * @param rehearse called right before the first thread is stopped
 * @param known the calls of threads that stood in the way of earlier stops; none of them is in a range
 * @see ptrace(2), PTRACE_SEIZE; Arnold and Kaashoek, "Ksplice: Automatic Rebootless Kernel Updates", 2009
 */
export function withAllStopped(
  space: AddressSpace,
  machine: Machine,
  ranges: readonly AddressRange[],
  known: readonly KnownCalls[],
  change: () => void,
  rehearse: () => void,
): StopReport {
  refuseHopeless(space);
  const [pid = 0] = space.processes();
  const held = holdNothing(space);
  const search = wanted(ranges);
  const writable = readMappings(pid).filter((mapping) => mapping.permissions.startsWith("rw"));
  let begin = performance.now();
  let end = begin;
  let obstacles: Obstacles = { busy: null, suspects: [] };
  withPriority(() => {
    try {
      seizeAll(held);
      collectGarbage({ type: "minor" });
      rehearse();
      begin = performance.now();
      stopAll(held, begin + longestPauseMs);
      obstacles = findObstacles(pid, machine, held, search, known, writable);
      if (!obstacles.busy) change();
    } finally {
      releaseThreads(held, machine);
      end = performance.now();
      releaseOthers(held);
    }
  });
  return { threads: held.threads.size, pauseMicros: Math.round((end - begin) * 1000), ...obstacles };
}

/** Throws `blocked` where a stop would be in vain or too long, which is better known before it. */
function refuseHopeless(space: AddressSpace): void {
  space.update();
  const processes = space.processes();
  const threads = processes.reduce((sum, pid) => sum + countThreads(pid), 0);
  const estimate = Math.round((threads * microsPerThread) / 1000);
  if (estimate > longestPauseMs) {
    throw new SutureError(
      "blocked",
      `it has ${threads} threads: to stop them would take about ${estimate} ms, more than the ${longestPauseMs} that are allowed`,
    );
  }
  if (processes.length === 1) return;
  for (const pid of processes) {
    for (const tid of listThreads(pid)) {
      if (threadStatus(pid, tid).get("State")?.[0] !== "D") continue;
      throw new SutureError("blocked", `thread ${tid} of process ${pid} does not stop: ${whyItDoesNotStop(pid, tid)}`);
    }
  }
}

/** Repairs what the stop did to each thread, and looks for one inside the ranges. */
function findObstacles(
  pid: number,
  machine: Machine,
  { threads }: Held,
  search: WantedRanges,
  known: readonly KnownCalls[],
  writable: readonly Mapping[],
): Obstacles {
  let busy: Busy | null = null;
  let stackMappings = writable;
  const workers = new Set<number>();
  for (const [tid, thread] of threads) {
    if (!registers.get(tid, thread.registers)) continue;
    thread.isRepaired = true;
    if (isPassedOver(machine, thread, tid)) {
      workers.add(tid);
      continue;
    }
    if (thread.stop) repairSystemCall(thread.pid, tid, thread.stop, machine, thread.registers);
    if (busy) continue;
    const range = rangeOf(machine.instructionPointer(thread.registers), search.ranges);
    if (range) busy = { tid, reason: `it runs ${range.name}` };
    thread.stack = Math.floor(machine.stackPointer(thread.registers) / 8) * 8;
    let end = endOfStack(stackMappings, thread.stack);
    if (end === 0) {
      stackMappings = readMappings(pid).filter((mapping) => mapping.permissions.startsWith("rw"));
      end = endOfStack(stackMappings, thread.stack);
    }
    thread.depth = end - thread.stack;
    if (end === 0) busy ??= { tid, reason: "its stack is nowhere to be found" };
    else if (thread.depth > maxStackBytes) busy ??= { tid, reason: "its stack is deeper than 8 MiB" };
  }
  if (busy) return { busy, suspects: [] };
  const own = workers.size === 0 ? [...threads] : [...threads].filter(([tid]) => !workers.has(tid));
  return searchStacks(machine, own, search, known);
}

/** Whether a thread is one of the kernel's, which has no stack of the program's to be looked at. */
function isPassedOver(machine: Machine, { pid, registers: current }: Thread, tid: number): boolean {
  return machine.stackPointer(current) === 0 && isKernelWorker(pid, tid);
}
