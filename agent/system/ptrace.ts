import { readdirSync } from "node:fs";
import koffi from "koffi";
import { type OwnSignals, ownSignals } from "./own-signals.ts";
import { threadStatus } from "./proc.ts";
import { failed, native } from "./trace-calls.ts";

/** kcmp(2) has no function in the C library; its number on x86-64, and the type for memory. */
const kcmp = { number: 312, memory: 1 };
/** Requests and options of ptrace(2), from linux/ptrace.h. */
const request = {
  detach: 17,
  syscall: 24,
  getRegisterSet: 0x4204,
  seize: 0x4206,
  interrupt: 0x4207,
  peekSigInfo: 0x4209,
  getSignalMask: 0x420a,
  setSignalMask: 0x420b,
} as const;
export const traceOption = { syscallMark: 0x1, threads: 0x8, suspendSeccomp: 0x20_0000 } as const;

const waitNoHang = 1;
const waitAllThreads = 0x4000_0000;
const sharedQueue = 1;
/** Longest time that a thread is waited for: one that sleeps uninterruptibly must not keep the others stopped. */
const stopDeadlineMs = 100;

/** Whether this process may call ptrace(2) at all; a sandbox's filter may forbid it. */
export function canTrace(): boolean {
  // no thread has the number 2^31-1, so an allowed call answers ESRCH and touches nothing
  return native().ptrace(request.seize, 0x7fff_ffff, 0, 0) !== 0 && koffi.errno() === koffi.os.errno.ESRCH;
}

/**
 * Whether two processes use the same memory, as a child of vfork(2) does with its parent until it runs another program.
 * False where the kernel does not tell.
 */
export function shareMemory(pid: number, other: number): boolean {
  return native().syscall(kcmp.number, pid, other, kcmp.memory, 0, 0) === 0;
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

/** Asks a seized thread to stop; `waitForStop` tells when it has. */
export function interrupt(tid: number): void {
  native().ptrace(request.interrupt, tid, 0, 0);
}

/** Lets a stopped thread run to its next entry into or exit from the kernel. `signal` is delivered to it; 0 is none. */
export function runToSyscall(tid: number, signal: number): void {
  if (native().ptrace(request.syscall, tid, 0, signal) !== 0) throw failed("SYSCALL", tid);
}

/** How a seized thread answered: it ended, it stands at a system call, it was stopped, or a signal is about to reach it. */
export type Stop =
  | { kind: "ended" }
  | { kind: "running" }
  | { kind: "syscall" }
  | { kind: "stopped" }
  | { kind: "signal"; signal: number };

const statusWord = Buffer.alloc(64);
/** Shared, because a stop of many threads must allocate little. */
const ended: Stop = { kind: "ended" };
const running: Stop = { kind: "running" };
const atSyscall: Stop = { kind: "syscall" };
const stopped: Stop = { kind: "stopped" };

function poll(tid: number, flags: number = waitNoHang): Stop {
  const answer = native().waitpid(tid, statusWord, flags | waitAllThreads);
  if (answer === 0 || (answer < 0 && koffi.errno() === koffi.os.errno.EINTR)) return running;
  if (answer < 0) return ended;
  const status = statusWord.readUInt32LE(0);
  if ((status & 0xff) !== 0x7f) return ended;
  const signal = (status >>> 8) & 0xff;
  const event = status >>> 16;
  if (signal === (5 | 0x80)) return atSyscall;
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
  try {
    return work();
  } finally {
    if (isUrgent) setScheduler(0, before, noPriority);
    isAtWork = false;
    isUrgent = false;
  }
}

const sleepTime = Buffer.alloc(16);
/** About as long as a thread takes to stop that sleeps on another processor; to be woken costs us as much again. */
const turnsBeforeSleep = 20;
const longestSleepNanos = 128_000;

/** Waits until a seized thread stops or ends; "running" where it did neither within 100 ms. Only inside `withPriority`. */
export function waitForStop(tid: number): Stop {
  for (let turn = 0; turn < turnsBeforeSleep; turn++) {
    const stop = poll(tid);
    if (stop !== running) return stop;
  }
  const deadline = performance.now() + stopDeadlineMs;
  const canBeWoken = signals?.beginWakeUps() === true;
  try {
    for (let nanos = 1000; ; nanos = Math.min(2 * nanos, longestSleepNanos)) {
      // the kernel ends this wait the moment the thread stops, and leaves both processors to others until then
      const stop = canBeWoken ? poll(tid, 0) : napAndPoll(tid, nanos);
      if (stop !== running || performance.now() > deadline) return stop;
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
 * Lets a thread go on. One that has not stopped cannot be let go yet: it is kept in mind and let go as soon as it stops, or it would
 * stand still until this process ends.
 *
 * @param before called while the thread still stands, with how it stopped in the end
 */
export function detach(tid: number, stop: Stop, before: (stop: Stop) => void = () => {}): void {
  if (stop.kind === "ended") return;
  if (stop.kind === "running") {
    stragglers.set(tid, { before, isUntold: false });
    sweeper ??= setInterval(sweep, 20);
    return;
  }
  before(stop);
  native().ptrace(request.detach, tid, 0, stop.kind === "signal" ? stop.signal : 0);
}

/** `isUntold`: it was seen to stand still although nobody told us that it stopped. */
const stragglers = new Map<number, { before: (stop: Stop) => void; isUntold: boolean }>();
let sweeper: NodeJS.Timeout | undefined;

function sweep(): void {
  for (const [tid, straggler] of stragglers) {
    const told = poll(tid);
    const wasUntold = straggler.isUntold;
    straggler.isUntold = told === running && isHeldByUs(tid);
    // of a child of this process Node's own wait may have taken the news, and it would stand still for ever
    const stop = wasUntold && straggler.isUntold ? stopped : told;
    if (stop === running) continue;
    stragglers.delete(tid);
    detach(tid, stop, straggler.before);
  }
  if (stragglers.size > 0) return;
  clearInterval(sweeper);
  sweeper = undefined;
}

function isHeldByUs(tid: number): boolean {
  const status = threadStatus(tid, tid);
  return status.get("State")?.[0] === "t" && isTracedByUs(Number(status.get("TracerPid")));
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
