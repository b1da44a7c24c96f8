import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SutureError } from "../../../protocol/errors.ts";
import { countThreads, listThreads, type Mapping, readMappings, threadStatus } from "../../system/proc.ts";
import {
  detach,
  interrupt,
  isTracedByUs,
  registers,
  type Stop,
  seize,
  traceOption,
  waitForStop,
  withPriority,
} from "../../system/ptrace.ts";
import { letGo, repairSystemCall } from "./let-go.ts";
import type { AddressRange, Machine } from "./machine.ts";
import {
  type Busy,
  endOfStack,
  type KnownCalls,
  maxStackBytes,
  rangeOf,
  type StackedThread,
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
 * Stops every thread of a process, and runs `change` if none is inside any of the ranges: neither its instruction pointer nor
 * a word of its stack, which may be a return address, lies in one. Then lets all go on. Ksplice's rule, less the words of threads
 * whose calls are known to be others.
 *
 * The target notices nothing but time: system calls that the stop ended are made again, signals wait, threads that are born
 * meanwhile are stopped too. Throws `blocked` where another tracer holds it, `not-applicable` where it is gone, `no-permission`;
 * and whatever `change` throws, after all have gone on.
 *
 * @param ranges at least one
 * @param rehearse called right before the first thread is stopped
 * @param known the calls of threads that stood in the way of earlier stops; none of them is in a range
 * @see ptrace(2), PTRACE_SEIZE; Arnold and Kaashoek, "Ksplice: Automatic Rebootless Kernel Updates", 2009
 */
export function withAllStopped(
  pid: number,
  machine: Machine,
  ranges: readonly AddressRange[],
  known: readonly KnownCalls[],
  change: () => void,
  rehearse: () => void,
): StopReport {
  const threads: Threads = new Map();
  const search = wanted(ranges);
  const writable = readMappings(pid).filter((mapping) => mapping.permissions.startsWith("rw"));
  let begin = performance.now();
  let end = begin;
  let obstacles: Obstacles = { busy: null, suspects: [] };
  withPriority(() => {
    try {
      const bystanders = new Set<number>();
      seizeAll(pid, threads, bystanders);
      collectGarbage({ type: "minor" });
      rehearse();
      begin = performance.now();
      stopAll(pid, threads, bystanders);
      obstacles = findObstacles(pid, machine, threads, search, known, writable);
      if (!obstacles.busy) change();
    } finally {
      for (const [tid, thread] of threads) {
        if (thread.isRepaired && thread.stop) detach(tid, thread.stop);
        else letGo(pid, tid, thread.stop ?? { kind: "running" }, machine);
      }
      end = performance.now();
    }
  });
  return { threads: threads.size, pauseMicros: Math.round((end - begin) * 1000), ...obstacles };
}

/** A seized thread: how it stopped, and its registers since. */
type Thread = StackedThread & { stop: Stop | null; interrupted: boolean; isRepaired: boolean };
type Threads = Map<number, Thread>;

/** Seizes the threads that are not held yet; returns whether there were any. `bystanders` are those that have ended already. */
function seizeAll(pid: number, threads: Threads, bystanders: Set<number>): void {
  const listed = listThreads(pid);
  if (listed.length === 0) throw new SutureError("not-applicable", `process ${pid} is gone`);
  for (const tid of listed) {
    if (threads.has(tid) || bystanders.has(tid)) continue;
    const answer = seize(tid, traceOption.threads);
    const born = answer === "refused" && explainRefusal(pid, tid) === "ours";
    if (answer === "seized" || born) {
      threads.set(tid, {
        stop: null,
        interrupted: born,
        isRepaired: false,
        registers: Buffer.alloc(256),
        stack: 0,
        depth: 0,
      });
    } else {
      bystanders.add(tid);
    }
  }
}

/** Why a thread could not be seized: it was born to a seized one and is ours, or it has ended. Throws where neither is so. */
function explainRefusal(pid: number, tid: number): "ours" | "ended" {
  const status = threadStatus(pid, tid);
  const state = status.get("State")?.[0];
  if (state === undefined || state === "Z" || state === "X") return "ended";
  const tracer = Number(status.get("TracerPid") ?? 0);
  if (isTracedByUs(tracer)) return "ours";
  if (tracer !== 0) throw new SutureError("blocked", `process ${pid} is being traced by process ${tracer}`);
  throw new SutureError("no-permission", `the operating system does not permit to trace process ${pid}`);
}

function stopAll(pid: number, threads: Threads, bystanders: Set<number>): void {
  for (;;) {
    for (const [tid, thread] of threads) {
      if (thread.interrupted) continue;
      thread.interrupted = true;
      interrupt(tid);
    }
    // the last one first: when it has stopped, so have most, and their stops are there to be taken
    for (const [tid, thread] of [...threads].reverse()) {
      if (thread.stop) continue;
      const stop = waitForStop(tid);
      thread.stop = stop;
      if (stop.kind === "running") throw new SutureError("blocked", `thread ${tid} of process ${pid} does not stop`);
      if (stop.kind !== "ended") continue;
      threads.delete(tid);
      bystanders.add(tid);
    }
    if (countThreads(pid) === threads.size) return;
    const before = threads.size;
    seizeAll(pid, threads, bystanders);
    if (threads.size === before) return;
  }
}

/** Repairs what the stop did to each thread, and looks for one inside the ranges. */
function findObstacles(
  pid: number,
  machine: Machine,
  threads: Threads,
  search: WantedRanges,
  known: readonly KnownCalls[],
  writable: readonly Mapping[],
): Obstacles {
  let busy: Busy | null = null;
  let stackMappings = writable;
  for (const [tid, thread] of threads) {
    if (!registers.get(tid, thread.registers)) continue;
    thread.isRepaired = true;
    if (thread.stop) repairSystemCall(pid, tid, thread.stop, machine, thread.registers);
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
  return busy ? { busy, suspects: [] } : searchStacks(pid, machine, [...threads], search, known);
}
