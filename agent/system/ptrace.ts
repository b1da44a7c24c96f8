import { readdirSync } from "node:fs";
import koffi from "koffi";
import { stepDone } from "./looks.ts";
import { type OwnSignals, ownSignals } from "./own-signals.ts";
import { threadStatus } from "./proc.ts";
import { failed, native } from "./trace-calls.ts";

/** kcmp(2) has no function in the C library; its number on x86-64, and the type for memory. */
const kcmp = { number: 312, memory: 1 };
/** Requests and options of ptrace(2), from linux/ptrace.h. */
const request = {
  detach: 17,
  syscall: 24,
  getEventMessage: 0x4201,
  getRegisterSet: 0x4204,
  seize: 0x4206,
  interrupt: 0x4207,
  peekSigInfo: 0x4209,
  getSignalMask: 0x420a,
  setSignalMask: 0x420b,
} as const;
/** `births`: whatever a thread makes by fork, vfork or clone is attached before its first instruction. */
export const traceOption = {
  syscallMark: 0x1,
  births: 0x2 | 0x4 | 0x8,
  exec: 0x10,
  suspendSeccomp: 0x20_0000,
} as const;
/** Events by which a thread stops, in the order of their numbers: fork, vfork, clone; exec. */
const events = { births: [1, 2, 3], exec: 4 };

const waitNoHang = 1;
const waitAllThreads = 0x4000_0000;
const sharedQueue = 1;
/** Longest time that a thread is waited for, as long as it may only be waiting for a processor. */
const stopDeadlineMs = 100;
/** Longest time for which tracing may keep this process from all else, seconds. */
const longestWorkSeconds = 10;

/** Whether this process may call ptrace(2) at all; a sandbox's filter may forbid it. */
export function canTrace(): boolean {
  // no thread has the number 2^31-1, so an allowed call answers ESRCH and touches nothing
  return native().ptrace(request.seize, 0x7fff_ffff, 0, 0) !== 0 && koffi.errno() === koffi.os.errno.ESRCH;
}

/**
 * How the memories of two tasks compare, in an order that the kernel chooses at random once: 0 where they are the same, as those of a
 * parent and its child of vfork(2) until that runs another program; null where one is gone or the kernel does not tell.
 */
export function compareMemory(tid: number, other: number): -1 | 0 | 1 | null {
  const answer = native().syscall(kcmp.number, tid, other, kcmp.memory, 0, 0);
  return answer === 0 ? 0 : answer === 1 ? -1 : answer === 2 ? 1 : null;
}

/**
 * Becomes the tracer of a thread without stopping it. Only the operating system's thread that called this can go on with it.
 *
 * @returns "gone" where there is no such thread, "refused" where it is a zombie, is traced already, or we may not
 * @see ptrace(2), PTRACE_SEIZE
 */
export function seize(tid: number, options: number): "seized" | "gone" | "refused" {
  if (native().ptrace(request.seize, tid, 0, options) === 0) return "seized";
  const errno = koffi.errno();
  if (errno === koffi.os.errno.ESRCH) return "gone";
  if (errno === koffi.os.errno.EPERM) return "refused";
  throw failed("SEIZE", tid);
}

/** Asks a seized thread to stop; `waitForStop` tells when it has. False where it is none of ours. */
export function interrupt(tid: number): boolean {
  return native().ptrace(request.interrupt, tid, 0, 0) === 0;
}

const message = Buffer.alloc(8);
/** The task that a thread which stopped at a birth has made; null where the thread is gone. */
export function bornTo(tid: number): number | null {
  return native().ptraceBuffer(request.getEventMessage, tid, 0, message) === 0 ? message.readUInt32LE(0) : null;
}

/** Lets a stopped thread run to its next entry into or exit from the kernel. `signal` is delivered to it; 0 is none. */
export function runToSyscall(tid: number, signal: number): void {
  if (native().ptrace(request.syscall, tid, 0, signal) !== 0) throw failed("SYSCALL", tid);
}

/**
 * How a seized thread answered: it ended, it stands at a system call, it was stopped, or a signal is about to reach it. With `event` it
 * stopped by itself, having made a task, or having become another program.
 */
export type Stop =
  | { kind: "ended" }
  | { kind: "running" }
  | { kind: "syscall" }
  | { kind: "stopped"; event?: "birth" | "exec" }
  | { kind: "signal"; signal: number };

const statusWord = Buffer.alloc(64);
/** Shared, because a stop of many threads must allocate little. */
const ended: Stop = { kind: "ended" };
const running: Stop = { kind: "running" };
const atSyscall: Stop = { kind: "syscall" };
const stopped: Stop = { kind: "stopped" };
const atBirth: Stop = { kind: "stopped", event: "birth" };
const atExec: Stop = { kind: "stopped", event: "exec" };

function poll(tid: number, flags: number = waitNoHang): Stop {
  const answer = native().waitpid(tid, statusWord, flags | waitAllThreads);
  if (answer === 0 || (answer < 0 && koffi.errno() === koffi.os.errno.EINTR)) return running;
  if (answer < 0) return ended;
  const status = statusWord.readUInt32LE(0);
  if ((status & 0xff) !== 0x7f) return ended;
  const signal = (status >>> 8) & 0xff;
  const event = status >>> 16;
  if (signal === (5 | 0x80)) return atSyscall;
  if (event === events.exec) return atExec;
  if (events.births.includes(event)) return atBirth;
  // a job-control stop is also an event: on detach the kernel leaves the thread in it
  return event !== 0 ? stopped : { kind: "signal", signal };
}

const firstInFirstOut = 1;
const priority = Buffer.from([1, 0, 0, 0]);
const noPriority = Buffer.alloc(4);
let isUrgent = false;
/** Of this thread, which is the only one that can trace what it seized. */
let signals: OwnSignals | undefined;
let isAtWork = false;

/**
 * Does work during which somebody else's threads stand still with real-time priority, where we may have that: on a busy host the
 * agent's wait for a processor would be the target's. Short work only.
 *
 * Several of the requests wait within the kernel for what a hostile or dying process holds, where no signal that is handled ends the wait
 * (ptrace(2) for one that is becoming another program, reads of a memory that somebody holds on to). After 10 s the kernel therefore ends
 * this process; what it traced goes on, and the journal says what to finish.
 *
 * @see sched(7), SCHED_FIFO
 */
export function withPriority<T>(work: () => T): T {
  if (isAtWork) return work();
  const { getScheduler, setScheduler } = native();
  signals ??= ownSignals();
  const before = getScheduler(0);
  isAtWork = true;
  isUrgent = before !== firstInFirstOut && setScheduler(0, firstInFirstOut, priority) === 0;
  signals.ignoreStops();
  signals.endAfter(longestWorkSeconds);
  try {
    return work();
  } finally {
    signals.endAfter(0);
    if (isUrgent) setScheduler(0, before, noPriority);
    isAtWork = false;
    isUrgent = false;
  }
}

const sleepTime = Buffer.alloc(16);
/** About as long as a thread takes to stop that sleeps on another processor; to be woken costs us as much again. */
const turnsBeforeSleep = 20;
const longestSleepNanos = 128_000;
const deepSleepMs = 10;

/**
 * Waits until a seized thread stops or ends; "running" where it did neither within 100 ms, or in 20 where it sleeps so that nothing wakes
 * it (state D): then the others wait for it in vain. Only inside `withPriority`.
 */
export function waitForStop(tid: number): Stop {
  for (let turn = 0; turn < turnsBeforeSleep; turn++) {
    const stop = poll(tid);
    if (stop !== running) return stop;
  }
  stepDone();
  const begin = performance.now();
  const canBeWoken = signals?.beginWakeUps() === true;
  try {
    for (let nanos = 1000; ; nanos = Math.min(2 * nanos, longestSleepNanos)) {
      // the kernel ends this wait the moment the thread stops, and leaves both processors to others until then
      const stop = canBeWoken ? poll(tid, 0) : napAndPoll(tid, nanos);
      if (stop !== running) return stop;
      const waited = performance.now() - begin;
      if (waited > stopDeadlineMs || (waited > deepSleepMs && stateOf(tid) === "D")) return stop;
    }
  } finally {
    signals?.endWakeUps();
  }
}

/** Where nothing would wake us. With priority a yield yields to nobody, and the thread that is waited for may want this very processor. */
function napAndPoll(tid: number, nanos: number): Stop {
  const { schedYield, nanosleep } = native();
  sleepTime.writeUInt32LE(nanos, 8);
  if (isUrgent) nanosleep(sleepTime, null);
  else schedYield();
  return poll(tid);
}

/**
 * Lets a thread go on. One that has not stopped cannot be released yet: it is kept in mind and released as soon as it stops, or it would
 * stand still until this process ends. Likewise the end of one that was killed meanwhile is asked for until it is told.
 *
 * @param before called while the thread still stands, with how it stopped in the end
 */
export function detach(tid: number, stop: Stop, before: (stop: Stop) => void = () => {}): void {
  if (stop.kind === "ended") return;
  if (stop.kind === "running") {
    sweepUp(tid, before);
    return;
  }
  before(stop);
  const isReleased = native().ptrace(request.detach, tid, 0, stop.kind === "signal" ? stop.signal : 0) === 0;
  // killed while it stood still: until its tracer has asked for its end, its parent is not told of it
  if (!isReleased) sweepUp(tid);
}

function sweepUp(tid: number, before: (stop: Stop) => void = () => {}): void {
  stragglers.set(tid, { before, isUntold: false });
  sweepLater(performance.now());
}

/** `isUntold`: it was seen to stand still although nobody told us that it stopped. */
const stragglers = new Map<number, { before: (stop: Stop) => void; isUntold: boolean }>();
let sweeper: NodeJS.Timeout | undefined;
/** Between two looks at the stragglers; a frozen one may stay so for days. Milliseconds. */
const sweepMs = { first: 20, later: 100 };
/** How long an agent that is done waits for stragglers. When it ends the kernel releases them, though a call of theirs may then see EINTR. */
const patienceMs = 1000;

function sweepLater(since: number): void {
  const isRecent = performance.now() - since < patienceMs;
  clearTimeout(sweeper);
  sweeper = setTimeout(() => sweep(since), isRecent ? sweepMs.first : sweepMs.later);
  if (!isRecent) sweeper.unref();
}

function sweep(since: number): void {
  for (const [tid, straggler] of stragglers) {
    const told = poll(tid);
    const wasUntold = straggler.isUntold;
    straggler.isUntold = told === running && isHeldByUs(tid);
    // of a child of this process Node's own wait may have taken the news, and it would stand still for ever
    const stop = wasUntold && straggler.isUntold ? stopped : told;
    if (stop === running) continue;
    stragglers.delete(tid);
    // what it made while it was ours is ours too
    const child = stop.kind === "stopped" && stop.event === "birth" ? bornTo(tid) : null;
    if (child !== null) stragglers.set(child, { before: () => {}, isUntold: false });
    detach(tid, stop, straggler.before);
  }
  if (stragglers.size > 0) sweepLater(since);
}

function stateOf(tid: number): string | undefined {
  return threadStatus(tid, tid).get("State")?.[0];
}

function isHeldByUs(tid: number): boolean {
  return stateOf(tid) === "t" && isTracedByUs(Number(threadStatus(tid, tid).get("TracerPid")));
}

/** Whether the thread's tracer is a thread of this process. */
export function isTracedByUs(tracer: number): boolean {
  return tracer !== 0 && readdirSync("/proc/self/task").includes(String(tracer));
}

/** Reads or writes a stopped thread's general registers (`struct user_regs_struct`); false where the thread is gone. */
export const registers = {
  get: (tid: number, into: Buffer): boolean => native().ptraceBuffer(12, tid, 0, into) === 0,
  set: (tid: number, from: Buffer): boolean => native().ptraceBuffer(13, tid, 0, from) === 0,
};

const registerSet = Buffer.alloc(16_384);
const vector = Buffer.alloc(64);
/** Reads a register set by its note type (elf.h, NT_*): as many bytes as the kernel has. Throws `engine-failed`. */
export function readRegisterSet(tid: number, noteType: number): Buffer {
  const into = registerSet;
  vector.writeBigUInt64LE(koffi.address(into), 0);
  vector.writeBigUInt64LE(BigInt(into.length), 8);
  if (native().ptraceBuffer(request.getRegisterSet, tid, noteType, vector) !== 0) throw failed("GETREGSET", tid);
  return Buffer.from(into.subarray(0, Number(vector.readBigUInt64LE(8))));
}

/** The signals that a stopped thread blocks, 8 bytes. Throws `engine-failed`. */
export const signalMask = {
  get(tid: number): Buffer {
    const mask = Buffer.alloc(8);
    if (native().ptraceBuffer(request.getSignalMask, tid, 8, mask) !== 0) throw failed("GETSIGMASK", tid);
    return mask;
  },
  set(tid: number, mask: Buffer): void {
    if (native().ptraceBuffer(request.setSignalMask, tid, 8, mask) !== 0) throw failed("SETSIGMASK", tid);
  },
};

const peekArguments = Buffer.alloc(64);
const signalInfo = Buffer.alloc(128);
/** Whether a signal waits for a stopped thread, in its own queue or in the one that it shares with its process. */
export function hasPendingSignal(tid: number): boolean {
  for (const flags of [0, sharedQueue]) {
    peekArguments.writeBigUInt64LE(0n, 0);
    peekArguments.writeUInt32LE(flags, 8);
    peekArguments.writeInt32LE(1, 12);
    if (native().ptraceBuffers(request.peekSigInfo, tid, peekArguments, signalInfo) !== 0) return true;
  }
  return false;
}
