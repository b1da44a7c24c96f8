import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SutureError } from "../../../protocol/errors.ts";
import { countThreads, listThreads, type Mapping, readMappings, threadStatus } from "../../system/proc.ts";
import {
  detach,
  interrupt,
  isTracedByUs,
  readRanges,
  registers,
  type Stop,
  seize,
  traceOption,
  waitForStop,
  withPriority,
} from "../../system/ptrace.ts";
import { letGo, repairSystemCall } from "./let-go.ts";
import type { AddressRange, Machine } from "./machine.ts";

/** Why a stopped process could not be changed. */
type Busy = { tid: number; reason: string };
/** One stop of a process: how many threads, for how long from the first's interruption to the last's release, and what stood in the way. */
export type StopReport = { threads: number; pauseMicros: number; busy: Busy | null };

/** A stack deeper than this is not searched; its thread counts as busy. */
const maxStackBytes = 8 * 1024 * 1024;
const maxBatch = 512;
const stacks = Buffer.alloc(maxStackBytes);

setFlagsFromString("--expose-gc");
const collectGarbage: (options: { type: "minor" }) => void = runInNewContext("gc");

/**
 * Stops every thread of a process, and runs `change` if none is inside any of the ranges: neither its instruction pointer nor
 * a word of its stack, which may be a return address, lies in one. Then lets all go on. Ksplice's rule.
 *
 * The target notices nothing but time: system calls that the stop ended are made again, signals wait, threads that are born
 * meanwhile are stopped too. Throws `blocked` where another tracer holds it, `not-applicable` where it is gone, `no-permission`;
 * and whatever `change` throws, after all have gone on.
 *
 * @param ranges at least one
 * @see ptrace(2), PTRACE_SEIZE; Arnold and Kaashoek, "Ksplice: Automatic Rebootless Kernel Updates", 2009
 */
export function withAllStopped(
  pid: number,
  machine: Machine,
  ranges: readonly AddressRange[],
  change: () => void,
): StopReport {
  const threads: Threads = new Map();
  const writable = readMappings(pid).filter((mapping) => mapping.permissions.startsWith("rw"));
  let begin = performance.now();
  let end = begin;
  let busy: Busy | null = null;
  withPriority(() => {
    try {
      const bystanders = new Set<number>();
      seizeAll(pid, threads, bystanders);
      collectGarbage({ type: "minor" });
      begin = performance.now();
      stopAll(pid, threads, bystanders);
      busy = findBusy(pid, machine, threads, ranges, writable);
      if (!busy) change();
    } finally {
      for (const [tid, thread] of threads) {
        if (thread.isRepaired && thread.stop) detach(tid, thread.stop);
        else letGo(pid, tid, thread.stop ?? { kind: "running" }, machine);
      }
      end = performance.now();
    }
  });
  return { threads: threads.size, pauseMicros: Math.round((end - begin) * 1000), busy };
}

/** A seized thread: how it stopped, and its registers since. */
type Thread = {
  stop: Stop | null;
  interrupted: boolean;
  isRepaired: boolean;
  registers: Buffer;
  stack: number;
  depth: number;
};
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
    for (const [tid, thread] of threads) {
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
function findBusy(
  pid: number,
  machine: Machine,
  threads: Threads,
  ranges: readonly AddressRange[],
  writable: readonly Mapping[],
): Busy | null {
  let busy: Busy | null = null;
  let stackMappings = writable;
  for (const [tid, thread] of threads) {
    if (!registers.get(tid, thread.registers)) continue;
    thread.isRepaired = true;
    if (thread.stop) repairSystemCall(pid, tid, thread.stop, machine, thread.registers);
    if (busy) continue;
    const range = rangeOf(machine.instructionPointer(thread.registers), ranges);
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
  return busy ?? searchStacks(pid, [...threads], ranges);
}

/** Reads as many stacks at a time as fit, and looks for a word that lies in a range. */
function searchStacks(
  pid: number,
  threads: readonly (readonly [number, Thread])[],
  ranges: readonly AddressRange[],
): Busy | null {
  for (let first = 0; first < threads.length; ) {
    const batch: { tid: number; at: number; start: number; size: number }[] = [];
    let total = 0;
    for (; first < threads.length && batch.length < maxBatch; first++) {
      const [tid, thread] = threads[first] ?? [0, null];
      if (!thread || total + thread.depth > maxStackBytes) break;
      batch.push({ tid, at: total, start: thread.stack, size: thread.depth });
      total += thread.depth;
    }
    if (!readRanges(pid, batch, stacks)) return { tid: batch[0]?.tid ?? pid, reason: "its stack cannot be read" };
    const at = findWord(stacks.subarray(0, total), ranges);
    if (!at) continue;
    const holder = batch.findLast((part) => part.at <= at.offset);
    return { tid: holder?.tid ?? pid, reason: `it will return into ${at.range.name}` };
  }
  return null;
}

/**
 * The first aligned word that lies in a range. The upper bytes, which all addresses of the ranges share, are looked for with a
 * native search; only a hit is compared exactly.
 */
function findWord(bytes: Buffer, ranges: readonly AddressRange[]): { offset: number; range: AddressRange } | null {
  const low = wordOf(Math.min(...ranges.map((range) => range.start)));
  const high = wordOf(Math.max(...ranges.map((range) => range.end)));
  let shared = 7;
  while (shared > 1 && low[shared - 1] === high[shared - 1]) shared--;
  const needle = low.subarray(shared);
  for (let hit = bytes.indexOf(needle); hit >= 0; hit = bytes.indexOf(needle, hit + 1)) {
    const offset = hit - shared;
    if (offset < 0 || offset % 8 !== 0) continue;
    const word = bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 2 ** 32;
    const range = rangeOf(word, ranges);
    if (range) return { offset, range };
  }
  return null;
}

function wordOf(address: number): Buffer {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(address));
  return word;
}

function rangeOf(address: number, ranges: readonly AddressRange[]): AddressRange | undefined {
  return ranges.find((range) => address >= range.start && address < range.end);
}

/** The end of the writable mapping that holds an address; 0 where none does. Mappings are in order. */
function endOfStack(mappings: readonly Mapping[], address: number): number {
  let low = 0;
  let high = mappings.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const mapping = mappings[middle];
    if (!mapping) return 0;
    if (address < mapping.start) high = middle - 1;
    else if (address >= mapping.end) low = middle + 1;
    else return mapping.end;
  }
  return 0;
}
