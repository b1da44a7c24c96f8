import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { pageUp } from "../../../protocol/elf/bind/link.ts";
import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { listThreads, type Mapping, type ProcessMemory, readMappings, threadStatus } from "../../system/proc.ts";
import {
  detach,
  interrupt,
  readRegisterSet,
  registers,
  runToSyscall,
  type Stop,
  seize,
  signalMask,
  traceOption,
  waitForStop,
  withPriority,
} from "../../system/ptrace.ts";
import { frozenBy } from "../../system/thread-state.ts";
import { mayUseRestartableSequences, setTraceOptions } from "../../system/trace-requests.ts";
import { credentialsOf, seesBytes } from "./identity.ts";
import { letGo } from "./let-go.ts";
import type { Gadgets, Machine, MapCall } from "./machine.ts";
import { roomOnOwnStack } from "./own-stack.ts";
import { type Slot, takeSlot } from "./scratch.ts";
import { isAboutToHandleSignal } from "./signals.ts";

/** How far a thread is: it will make the call when it goes on; it stands at its beginning; it has made it and is not yet itself again. */
export type InjectionStep = "redirected" | "entered" | "returned";

/** A process into which a system call is injected, as it was examined through `memory`. */
export type InjectionTarget = {
  pid: number;
  machine: Machine;
  gadgets: Gadgets;
  memory: ProcessMemory;
  /** places for a frame in payloads' memory (scratch.ts); without any the thread's own stack serves */
  slots: readonly number[];
  onStep: (step: InjectionStep) => void;
  /** called right before a thread is stopped */
  rehearse: () => void;
};

/** Where no thread serves, they are asked again after these pauses in milliseconds. */
const backOff = [2, 5, 10, 20, 50, 100, 200, 400];
/** More threads than these are not asked in one turn, nor waited for until they make a system call. */
const maxAsked = 64;
const maxAwaited = 4;
/** Left below a frame for the handler of a signal, which only runs there if the agent is killed. */
const handlerBytes = 16 * 1024;

/**
 * Has a thread of a process map memory, and makes it go on as it was; the other threads run on.
 *
 * The thread is one that stands within a system call, or at the beginning of one, or that uses no restartable sequences: nothing of it
 * depends on not having been interrupted. Should this process be killed meanwhile, the thread finishes the call, returns into the C library's
 * return from a signal handler, and thereby to where it was: the signal-return frame for that lies, before the thread's registers are
 * changed, in memory in which nothing of the program's can be. Before that nothing of the thread is changed, and by the frame it is made sure that the
 * thread has the memory that was examined.
 *
 * @throws SutureError `blocked`, with a thread and its reason, where none serves after the last turn, or where the call does not return (it
 * may still be made); `unsupported` where none ever can; `not-applicable` where the process is gone or became another program; `engine-failed`
 * with the errno of a call that failed
 * @see ptrace(2), PTRACE_SYSCALL; sigreturn(2)
 */
export async function injectCall(target: InjectionTarget, call: MapCall): Promise<void> {
  for (let turn = 0; ; turn++) {
    const reason = tryInject(target, call);
    if (reason === null) return;
    const pause = backOff[turn];
    if (pause === undefined) throw new SutureError("blocked", `no thread could map memory: ${reason}`);
    await sleep(pause);
  }
}

/** Asks the threads once: null where one has made the call, else why none has. Throws as `injectCall`. */
export function tryInject(target: InjectionTarget, call: MapCall): string | null {
  const mappings = readMappings(target.pid);
  const threads = listThreads(target.pid);
  if (threads.length === 0) throw new SutureError("not-applicable", "the process ended");
  // a frozen thread can be stopped and sent to a call, and then makes it only when it is thawed
  if (frozenBy(target.pid) !== null) throw new SutureError("blocked", "its control group is frozen");
  let reason: string | null = null;
  const attempts = [
    ...threads.slice(0, maxAsked).map((tid) => ({ tid, mayWait: false })),
    ...threads.slice(0, maxAwaited).map((tid) => ({ tid, mayWait: true })),
  ];
  for (const { tid, mayWait } of attempts) {
    const refusal = withPriority(() => callInThread(target, { tid, mayWait, mappings }, call));
    if (refusal === null) return null;
    reason ??= `thread ${tid}: ${refusal}`;
  }
  return reason;
}

type Attempt = { tid: number; mayWait: boolean; mappings: readonly Mapping[] };
type Thread = { tid: number; stop: Stop };

/** Null where the thread has made the call, else why it cannot. */
function callInThread(target: InjectionTarget, attempt: Attempt, call: MapCall): string | null {
  const { pid, memory } = target;
  const { tid } = attempt;
  const credentials = credentialsOf(pid, tid);
  if (credentials === null) return "it ended";
  const isFiltered = checkThread(pid, tid);
  const slot = takeSlot(pid, memory, target.slots, tid);
  const thread: Thread = { tid, stop: { kind: "ended" } };
  // a thread that does not come back goes on by its frame, which is then not to be written over
  let isInFrame = false;
  try {
    if (seize(tid, traceOption.syscallMark) !== "seized") return whyNotSeized(pid, tid);
    target.rehearse();
    interrupt(tid);
    thread.stop = waitForStop(tid);
    const injection = orLetGo(target, thread, () => {
      const prepared = prepareThread(target, thread, attempt, slot);
      if (typeof prepared !== "string") checkUnchanged(target, tid, credentials, isFiltered);
      return prepared;
    });
    if (typeof injection === "string") return injection;
    try {
      runCall(thread, target, injection, call);
    } finally {
      isInFrame = thread.stop.kind !== "syscall" && thread.stop.kind !== "ended";
      detach(tid, thread.stop);
    }
    return null;
  } finally {
    if (!isInFrame) slot?.release();
  }
}

/** What `prepare` makes of a stopped thread; where it cannot or throws, the thread goes on as it was. */
function orLetGo(
  { pid, machine }: InjectionTarget,
  thread: Thread,
  prepare: () => Injection | string,
): Injection | string {
  let prepared: Injection | string = "";
  try {
    prepared = prepare();
    return prepared;
  } finally {
    if (typeof prepared === "string") letGo(pid, thread.tid, thread.stop, machine);
  }
}

/** The last look before a stopped thread's registers are changed; only from here on no filter of its system calls is in force. */
function checkUnchanged({ pid }: InjectionTarget, tid: number, credentials: string, isFiltered: boolean): void {
  if (credentialsOf(pid, tid) !== credentials) {
    throw new SutureError("not-applicable", "the process got other credentials while it was looked at");
  }
  if (isFiltered && !setTraceOptions(tid, traceOption.syscallMark | traceOption.suspendSeccomp)) {
    throw new SutureError(
      "unsupported",
      "the process filters its system calls (seccomp), and only root may suspend that",
    );
  }
}

/** Whether a filter of system calls is in force for a thread. Throws `unsupported` where no thread like it can ever serve. */
function checkThread(pid: number, tid: number): boolean {
  const status = threadStatus(pid, tid);
  if (/\bshstk\b/.test(status.get("x86_Thread_features") ?? "")) {
    throw new SutureError(
      "unsupported",
      "the process runs with a shadow stack, which a signal-return frame cannot pass",
    );
  }
  return (status.get("Seccomp") ?? "0") !== "0";
}

function whyNotSeized(pid: number, tid: number): string {
  const tracer = threadStatus(pid, tid).get("TracerPid") ?? "0";
  return tracer === "0" ? "it cannot be traced" : `it is being traced by process ${tracer}`;
}

/** What a stopped thread makes the call with, and goes on with. */
type Injection = { saved: Buffer; resumed: Buffer; mask: Buffer; gadgetStack: number; isAtEntry: boolean };

/** Puts the signal-return frame in place; why not, where the thread cannot serve. Its registers are as they were. */
function prepareThread(
  { pid, machine, gadgets, memory }: InjectionTarget,
  thread: Thread,
  { tid, mayWait, mappings }: Attempt,
  slot: Slot | null,
): Injection | string {
  if (thread.stop.kind === "running") return "it does not stop";
  if (thread.stop.kind !== "stopped") return "a signal is on its way to it";
  const saved = Buffer.alloc(machine.registerBytes);
  if (!registers.get(tid, saved)) return "it ended";
  if (machine.stackPointer(saved) === 0) return "it is a thread of the kernel's";
  if (isAboutToHandleSignal(pid, tid)) return "a signal is on its way to it";
  let isAtEntry = false;
  if (!machine.isInSystemCall(saved) && mayUseRestartableSequences(tid)) {
    if (!mayWait) return "it is not within a system call";
    isAtEntry = runsToSystemCall(thread);
    if (!isAtEntry) return "it makes no system call";
    if (!registers.get(tid, saved)) return "it ended";
  }
  const resumed = Buffer.from(saved);
  if (isAtEntry) machine.repeatSystemCall(resumed);
  const mask = signalMask.get(tid);
  const extended = readRegisterSet(tid, machine.extendedRegisters);
  const room = pageUp(machine.frameBytes(extended)) + handlerBytes;
  const end = slot?.end ?? roomOnOwnStack(pid, tid, machine, saved, mappings, room);
  if (end === null) return "its stack has no room that is beyond doubt unused";
  const frame = machine.returnFrame(resumed, extended, mask, gadgets, end, randomBytes(8));
  const changed = (cause?: unknown) =>
    new SutureError("not-applicable", "the process became another program while it was looked at", { cause });
  try {
    memory.write(frame.address, frame.bytes);
  } catch (cause) {
    throw changed(cause);
  }
  if (!seesBytes(tid, frame.address, frame.bytes)) throw changed();
  if (!isAtEntry) machine.rewindSystemCall(resumed, false);
  return { saved, resumed, mask, gadgetStack: frame.stackPointer, isAtEntry };
}

function runCall(thread: Thread, target: InjectionTarget, injection: Injection, call: MapCall): void {
  const { machine, gadgets, onStep } = target;
  const { saved, resumed, mask, gadgetStack, isAtEntry } = injection;
  try {
    const current = machine.callRegisters(saved, call, gadgets, gadgetStack, isAtEntry);
    registers.set(thread.tid, current);
    onStep("redirected");
    // only now: a death before this leaves the signals as they were, and one after it has the frame set them back
    signalMask.set(thread.tid, Buffer.alloc(8, 0xff));
    if (!isAtEntry) {
      runToStop(thread, "an injected system call does not begin");
      refuseOtherCall(thread, machine, current, call);
    }
    onStep("entered");
    runToStop(thread, "an injected system call does not return");
    onStep("returned");
    registers.get(thread.tid, current);
    const result = machine.callResult(current);
    if (result < 0) throw new SutureError("engine-failed", `mmap in the process failed: errno ${-result}`);
  } finally {
    // a thread that did not come back in time goes on by its frame
    if (thread.stop.kind === "syscall") {
      signalMask.set(thread.tid, mask);
      registers.set(thread.tid, resumed);
    }
  }
}

/** Whether a thread comes to make a system call of its own soon; it stands at its beginning then, and where it happens to be otherwise. */
function runsToSystemCall(thread: Thread): boolean {
  try {
    runToStop(thread, "");
    return true;
  } catch (error) {
    if (!isSutureError(error, "blocked")) throw error;
    interrupt(thread.tid);
    thread.stop = waitForStop(thread.tid);
    return false;
  }
}

/** Another thread may write over the code that this one is to run, and a filter of system calls is suspended: no other call is let through. */
function refuseOtherCall(thread: Thread, machine: Machine, current: Buffer, call: MapCall): void {
  registers.get(thread.tid, current);
  if (machine.isCall(current, call)) return;
  machine.dropSystemCall(current);
  registers.set(thread.tid, current);
  runToStop(thread, "an injected system call does not return");
  throw new SutureError("engine-failed", "the process changed the code of an injected system call");
}

/** Lets the thread run to its next stop at a system call. Job control may stop it on the way: that stop is passed on. */
function runToStop(thread: Thread, otherwise: string): void {
  for (let signal = 0; ; ) {
    runToSyscall(thread.tid, signal);
    thread.stop = waitForStop(thread.tid);
    if (thread.stop.kind === "syscall") return;
    if (thread.stop.kind === "ended") throw new SutureError("not-applicable", "the process ended");
    if (thread.stop.kind === "running") throw new SutureError("blocked", otherwise);
    signal = thread.stop.kind === "signal" ? thread.stop.signal : 0;
  }
}
