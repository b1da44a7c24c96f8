import { SutureError } from "../../../protocol/errors.ts";
import { lastTask, numbersBetween } from "../../system/new-tasks.ts";
import { countThreads, listThreads, threadStatus } from "../../system/proc.ts";
import {
  bornTo,
  detach,
  interrupt,
  isTracedByUs,
  type Stop,
  seize,
  traceOption,
  waitForStop,
} from "../../system/ptrace.ts";
import { isKernelWorker, whyItDoesNotStop } from "../../system/thread-state.ts";
import type { AddressSpace } from "./address-space.ts";
import { letGo } from "./let-go.ts";
import type { Machine } from "./machine.ts";
import type { StackedThread } from "./search.ts";

/** A seized thread: of which process, how it stopped, and its registers since. */
export type Thread = StackedThread & {
  pid: number;
  stop: Stop | null;
  interrupted: boolean;
  /** its registers were read, and a system call that the stop ended will be made again */
  isRepaired: boolean;
};

/**
 * All that is attached to us on the way to a stop. `bystanders` need none: they ended, or are the kernel's. `born` were attached at their
 * birth; those that are no threads of the address space go on as soon as it does. `since`: the last task before anything was attached.
 */
export type Held = {
  space: AddressSpace;
  threads: Map<number, Thread>;
  bystanders: Set<number>;
  born: Set<number>;
  since: number | null;
};

/** Nothing is held yet. */
export function holdNothing(space: AddressSpace): Held {
  return { space, threads: new Map(), bystanders: new Set(), born: new Set(), since: lastTask() };
}

/**
 * Seizes the threads of all processes of the address space that are not held yet; they run on. Throws `not-applicable` where the first
 * process is gone, `blocked` where another tracer holds one, `no-permission`.
 */
export function seizeAll(held: Held): void {
  const { space, threads, bystanders } = held;
  for (const [index, pid] of space.processes().entries()) {
    const listed = listThreads(pid);
    if (listed.length === 0 && index === 0) throw new SutureError("not-applicable", `process ${pid} is gone`);
    for (const tid of listed) {
      if (threads.has(tid) || bystanders.has(tid)) continue;
      const answer = seize(tid, traceOption.births | traceOption.exec);
      const born = answer === "refused" && explainRefusal(pid, tid) === "ours";
      if (answer === "seized" || born) threads.set(tid, newThread(pid, born));
      else bystanders.add(tid);
    }
  }
}

function newThread(pid: number, interrupted: boolean): Thread {
  return { pid, stop: null, interrupted, isRepaired: false, registers: Buffer.alloc(256), stack: 0, depth: 0 };
}

/** Why a thread could not be seized: it was born to a seized one and is ours, or needs no stop. Throws where neither is so. */
function explainRefusal(pid: number, tid: number): "ours" | "bystander" {
  const status = threadStatus(pid, tid);
  const state = status.get("State")?.[0];
  if (state === undefined || state === "Z" || state === "X") return "bystander";
  const tracer = Number(status.get("TracerPid") ?? 0);
  if (isTracedByUs(tracer)) return "ours";
  if (tracer !== 0) throw new SutureError("blocked", `process ${pid} is being traced by process ${tracer}`);
  if (isKernelWorker(pid, tid)) return "bystander";
  throw new SutureError("no-permission", `the operating system does not permit to trace process ${pid}`);
}

/**
 * Stops all threads of the address space, whatever is born meanwhile. Throws `blocked` where one does not stop or it takes longer than
 * until `deadline` (of `performance.now`), `not-applicable` where the process becomes another program.
 */
export function stopAll(held: Held, deadline: number): void {
  const { space, threads } = held;
  for (;;) {
    for (const [tid, thread] of threads) {
      if (thread.interrupted) continue;
      thread.interrupted = true;
      interrupt(tid);
    }
    // the last one first: when it has stopped, so have most, and their stops are there to be taken
    for (const [tid, thread] of [...threads].reverse()) if (!thread.stop) awaitStop(held, tid, thread, deadline);
    const wasBorn = space.update();
    const missing = space.processes().reduce((sum, pid) => sum + countThreads(pid), -threads.size);
    if (!wasBorn && missing === 0) return;
    const before = threads.size;
    seizeAll(held);
    if (threads.size === before) return;
  }
}

function awaitStop(held: Held, tid: number, thread: Thread, deadline: number): void {
  const stop = waitForStop(tid);
  thread.stop = stop;
  const { pid } = thread;
  if (stop.kind === "ended") {
    held.threads.delete(tid);
    held.bystanders.add(tid);
  } else if (stop.kind === "running") {
    if (!isKernelWorker(pid, tid)) {
      throw new SutureError("blocked", `thread ${tid} of process ${pid} does not stop: ${whyItDoesNotStop(pid, tid)}`);
    }
  } else if (stop.kind === "stopped" && stop.event === "exec") {
    const isTarget = pid === held.space.processes()[0];
    throw new SutureError(isTarget ? "not-applicable" : "blocked", `process ${pid} became another program`);
  } else if (stop.kind === "stopped" && stop.event === "birth") {
    const child = bornTo(tid);
    if (child !== null) held.born.add(child);
  }
  if (performance.now() > deadline) {
    throw new SutureError("blocked", `stopping the ${held.threads.size} threads of process ${pid} takes too long`);
  }
}

/** For so long threads are waited for that only have to stop to be released, milliseconds. */
const releaseMs = 50;

/**
 * Releases the threads of the address space, those that have not stopped as soon as they do. What was seized and never asked to stop, since
 * the attempt ended before, is asked now: only a stopped thread can be released.
 */
export function releaseThreads({ threads }: Held, machine: Machine): void {
  const unasked = [...threads].filter(([, { interrupted }]) => !interrupted);
  for (const [tid] of unasked) interrupt(tid);
  const deadline = performance.now() + releaseMs;
  for (const [tid, thread] of unasked) if (performance.now() < deadline) thread.stop = waitForStop(tid);
  for (const [tid, thread] of threads) {
    if (thread.isRepaired && thread.stop) detach(tid, thread.stop);
    else letGo(thread.pid, tid, thread.stop ?? { kind: "running" }, machine);
  }
}

/**
 * Releases what was attached at its birth and is none of the address space's threads: children. Of a parent that was killed nobody told
 * which, so each task born since is asked whether it is ours.
 */
export function releaseOthers({ threads, born, since }: Held): void {
  const now = lastTask();
  const wasBorn = since === null || now === null || since === now ? [] : (numbersBetween(since, now) ?? []);
  for (const tid of new Set([...born, ...wasBorn])) {
    if (!threads.has(tid) && interrupt(tid)) detach(tid, waitForStop(tid));
  }
}
