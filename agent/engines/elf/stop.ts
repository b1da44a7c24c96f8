import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SutureError } from "../../../protocol/errors.ts";
import { countThreads, listThreads, type Mapping, readMappings, threadStatus } from "../../system/proc.ts";
import { registers, withPriority } from "../../system/ptrace.ts";
import { frozenBy, isKernelWorker, whyItDoesNotStop } from "../../system/thread-state.ts";
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
import type { Busy, KnownCalls, Obstacles, Search } from "./search.ts";
import { searchStacks } from "./stacks.ts";
import type { Code } from "./unwind.ts";
import { rangeOf, wanted } from "./words.ts";

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
 * @param code of the process, once it was used to find calls; null at a first stop, when nothing of it is at hand
 * @see ptrace(2), PTRACE_SEIZE; Arnold and Kaashoek, "Ksplice: Automatic Rebootless Kernel Updates", 2009
 */
export function withAllStopped(
  space: AddressSpace,
  machine: Machine,
  ranges: readonly AddressRange[],
  known: readonly KnownCalls[],
  code: Code | null,
  change: () => void,
  rehearse: () => void,
): StopReport {
  refuseHopeless(space);
  const [pid = 0] = space.processes();
  const held = holdNothing(space);
  const search = { machine, wanted: wanted(ranges), known, code, mappingOf: writableMemory(pid) };
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
      obstacles = findObstacles(held, search);
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
  const frozen = processes.find((pid) => frozenBy(pid) === 1);
  if (frozen !== undefined) throw new SutureError("blocked", `the control group of process ${frozen} is frozen`);
  if (processes.length === 1) return;
  for (const pid of processes) {
    for (const tid of listThreads(pid)) {
      if (threadStatus(pid, tid).get("State")?.[0] !== "D") continue;
      throw new SutureError("blocked", `thread ${tid} of process ${pid} does not stop: ${whyItDoesNotStop(pid, tid)}`);
    }
  }
}

/** Repairs what the stop did to each thread, and looks for one inside the ranges. */
function findObstacles({ threads }: Held, search: Search): Obstacles {
  const { machine, wanted: ranges } = search;
  let busy: Busy | null = null;
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
    const range = rangeOf(machine.instructionPointer(thread.registers), ranges.ranges);
    if (range) busy = { tid, reason: `it runs ${range.name}` };
    thread.stack = Math.floor(machine.stackPointer(thread.registers) / 8) * 8;
    const mapping = search.mappingOf(thread.stack);
    if (mapping) thread.depth = mapping.end - thread.stack;
    else busy ??= { tid, reason: "its stack is nowhere to be found" };
  }
  if (busy) return { busy, suspects: [] };
  const own = workers.size === 0 ? [...threads] : [...threads].filter(([tid]) => !workers.has(tid));
  return searchStacks(search, own);
}

/** Finds the writable mapping that holds an address: among those of before the stop, or among those of now, once for each search. */
function writableMemory(pid: number): (address: number) => Mapping | null {
  const read = () => readMappings(pid).filter((mapping) => mapping.permissions.startsWith("rw"));
  let mappings = read();
  let isNew = false;
  return (address) => {
    const found = mappingAt(mappings, address);
    if (found || isNew) return found;
    isNew = true;
    mappings = read();
    return mappingAt(mappings, address);
  };
}

/** The mapping that holds an address. Mappings are in order. */
function mappingAt(mappings: readonly Mapping[], address: number): Mapping | null {
  let low = 0;
  let high = mappings.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const mapping = mappings[middle];
    if (!mapping) return null;
    if (address < mapping.start) high = middle - 1;
    else if (address >= mapping.end) low = middle + 1;
    else return mapping;
  }
  return null;
}

/** Whether a thread is one of the kernel's, which has no stack of the program's to be looked at. */
function isPassedOver(machine: Machine, { pid, registers: current }: Thread, tid: number): boolean {
  return machine.stackPointer(current) === 0 && isKernelWorker(pid, tid);
}
