import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
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
import { letGo } from "./let-go.ts";
import type { Gadgets, Machine, MapCall } from "./machine.ts";
import { isCode, type Module } from "./modules.ts";
import { isAboutToHandleSignal } from "./signals.ts";

const allSignals = Buffer.alloc(8, 0xff);

/**
 * Has a thread of a process map, protect or unmap memory, and gives it back as it was; the other threads run on. Between two calls
 * it is given back, so that it stands still for one at a time.
 *
 * Should this process die in between, the thread finishes the call that it is in, returns into the C library's return from a
 * signal handler, and thereby to where it was: the frame for that lies on its stack before its registers are changed.
 * Throws `unsupported` where a thread cannot be borrowed safely, `blocked`, `not-applicable` where the process is gone, and
 * `engine-failed` with the target's errno where a call failed; calls before it have then taken effect.
 *
 * @param onStep called while the thread is ours, after each step
 * @param rehearse called right before the thread is stopped
 * @see ptrace(2), PTRACE_SYSCALL; sigreturn(2)
 */
export function callInProcess(
  pid: number,
  machine: Machine,
  gadgets: Gadgets,
  memory: ProcessMemory,
  calls: readonly MapCall[],
  onStep: (step: BorrowStep) => void,
  rehearse: () => void,
): void {
  for (const call of calls) {
    const mappings = readMappings(pid);
    const isDone = listThreads(pid).some((tid) =>
      withPriority(() => callInThread(pid, tid, { machine, gadgets, memory, mappings, rehearse }, call, onStep)),
    );
    if (!isDone) throw new SutureError("blocked", `no thread of process ${pid} could be borrowed`);
  }
}

/** How far a thread is: it will make the call when it goes on; it stands at its beginning; it has made it and is not yet itself again. */
export type BorrowStep = "redirected" | "borrowed" | "returned";

/** What a borrowed thread is used with. */
type Means = {
  machine: Machine;
  gadgets: Gadgets;
  memory: ProcessMemory;
  mappings: readonly Mapping[];
  rehearse: () => void;
};

/** False where this thread cannot serve. */
function callInThread(
  pid: number,
  tid: number,
  means: Means,
  call: MapCall,
  onStep: (step: BorrowStep) => void,
): boolean {
  const thread = stopThread(pid, tid, means);
  if (!thread) return false;
  const lease = orLetGo(pid, thread, means.machine, () => borrow(pid, thread, means));
  if (!lease) return false;
  try {
    runCall(lease, call, onStep);
    return true;
  } finally {
    detach(tid, thread.stop);
  }
}

/**
 * Finds the code that a borrowed thread runs, in the C library or anywhere else: by the modules' files, as long as the same lies in
 * the process's memory. Throws `unsupported`.
 */
export function findGadgets(machine: Machine, modules: readonly Module[], memory: ProcessMemory): Gadgets {
  let found: Partial<Gadgets> = {};
  const libraryFirst = [...modules].sort((one, other) => Number(isLibc(other.path)) - Number(isLibc(one.path)));
  for (const module of libraryFirst) {
    found = { ...gadgetsOf(machine, module, memory), ...found };
    const { syscallReturn, signalReturn } = found;
    if (syscallReturn !== undefined && signalReturn !== undefined) return { syscallReturn, signalReturn };
  }
  throw new SutureError("unsupported", "the process has no code through which a thread could be borrowed safely");
}

/** By file: a library is searched once, for it is large. */
const knownGadgets = new WeakMap<ElfFile, Partial<Gadgets>>();

function gadgetsOf(machine: Machine, module: Module, memory: ProcessMemory): Partial<Gadgets> {
  let file: ElfFile;
  try {
    file = module.file();
  } catch (error) {
    if (!isSutureError(error, "no-permission")) throw error;
    return searchMemory(machine, module, memory);
  }
  const known = knownGadgets.get(file) ?? searchFile(machine, file);
  knownGadgets.set(file, known);
  const inMemory = Object.entries(known).flatMap(([name, address]): [string, number][] => {
    const at = module.bias() + address;
    const bytes = file.bytesAt(address, machine.gadgetBytes);
    return bytes && memory.read(at, machine.gadgetBytes).equals(bytes) ? [[name, at]] : [];
  });
  return Object.fromEntries(inMemory);
}

function searchMemory(machine: Machine, module: Module, memory: ProcessMemory): Partial<Gadgets> {
  let found: Partial<Gadgets> = {};
  for (const { start, end } of module.mappings.filter(isCode)) {
    found = { ...machine.findGadgets(memory.read(start, end - start), start), ...found };
  }
  return found;
}

function searchFile(machine: Machine, file: ElfFile): Partial<Gadgets> {
  let found: Partial<Gadgets> = {};
  for (const segment of file.loaded.filter((part) => part.executable)) {
    const code = file.bytesAt(segment.address, segment.fileSize);
    if (code) found = { ...machine.findGadgets(code, segment.address), ...found };
  }
  return found;
}

function isLibc(path: string): boolean {
  return /\/(?:libc[.-]|ld-musl)/.test(path);
}

type Thread = { tid: number; stop: Stop };

/** What `use` makes of a stopped thread; where it makes nothing of it or throws, the thread goes on as it was. */
function orLetGo<T>(pid: number, thread: Thread, machine: Machine, use: () => T | null): T | null {
  let made: T | null = null;
  try {
    made = use();
  } finally {
    if (made === null) letGo(pid, thread.tid, thread.stop, machine);
  }
  return made;
}

/** Seizes a thread and stops it between two instructions of its own; null where this one cannot serve. */
function stopThread(pid: number, tid: number, { machine, rehearse }: Means): Thread | null {
  const status = threadStatus(pid, tid);
  if (/\bshstk\b/.test(status.get("x86_Thread_features") ?? "")) {
    throw new SutureError("unsupported", "the process runs with a shadow stack");
  }
  const isFiltered = status.get("Seccomp") !== "0";
  const answer = seize(tid, traceOption.syscallMark | (isFiltered ? traceOption.suspendSeccomp : 0));
  if (answer === "refused" && isFiltered) {
    throw new SutureError(
      "unsupported",
      "the process filters its system calls (seccomp), and only root may suspend that",
    );
  }
  if (answer !== "seized") return null;
  rehearse();
  interrupt(tid);
  const stop = waitForStop(tid);
  if (stop.kind === "stopped") return { tid, stop };
  // a signal is on its way to it: let it through, and take another thread
  letGo(pid, tid, stop, machine);
  return null;
}

/** A stopped thread with all that it takes to use it and to give it back. */
type Lease = {
  thread: Thread;
  mask: Buffer;
  /** registers for the call, and those to go on with */
  registersFor(call: MapCall): Buffer;
  registersAfter: Buffer;
  resultIn(registers: Buffer): number;
};

/** Puts the return frame on a thread's stack; null where the thread cannot serve. Its registers are as they were. */
function borrow(pid: number, thread: Thread, { machine, gadgets, memory, mappings }: Means): Lease | null {
  const { tid } = thread;
  const saved = Buffer.alloc(machine.registerBytes);
  if (!registers.get(tid, saved) || isAboutToHandleSignal(pid, tid)) return null;
  const mask = signalMask.get(tid);
  const frame = machine.returnFrame(saved, readRegisterSet(tid, machine.extendedRegisters), mask, gadgets);
  const holds = ({ start, end }: Mapping) => frame.address >= start && frame.address < end;
  // known from before the stop, but for a stack that grew since
  const stack = mappings.find(holds) ?? readMappings(pid).find(holds);
  const hasRoom = stack?.permissions.startsWith("rw") && machine.stackPointer(saved) <= stack.end;
  if (!hasRoom) return null;
  memory.write(frame.address, frame.bytes);
  const registersAfter = Buffer.from(saved);
  machine.rewindSystemCall(registersAfter, false);
  return {
    thread,
    mask,
    registersFor: (call) => machine.callRegisters(saved, call, gadgets, frame),
    registersAfter,
    resultIn: (from) => machine.callResult(from),
  };
}

function runCall(lease: Lease, call: MapCall, onStep: (step: BorrowStep) => void): void {
  const { thread } = lease;
  try {
    const current = lease.registersFor(call);
    registers.set(thread.tid, current);
    onStep("redirected");
    // only now: a death before this leaves the signals as they were, and one after it has the frame set them back
    signalMask.set(thread.tid, allSignals);
    runToStop(thread);
    onStep("borrowed");
    runToStop(thread);
    onStep("returned");
    registers.get(thread.tid, current);
    const result = lease.resultIn(current);
    if (result < 0) throw new SutureError("engine-failed", `mmap in the process failed: errno ${-result}`);
  } finally {
    // a thread that did not come back in time gives itself back, through its frame
    if (thread.stop.kind === "syscall") {
      signalMask.set(thread.tid, lease.mask);
      registers.set(thread.tid, lease.registersAfter);
    }
  }
}

/** Lets the thread run to its next stop at a system call. Job control may stop it on the way: that stop is passed on. */
function runToStop(thread: Thread): void {
  for (let signal = 0; ; ) {
    runToSyscall(thread.tid, signal);
    thread.stop = waitForStop(thread.tid);
    if (thread.stop.kind === "syscall") return;
    if (thread.stop.kind === "ended") throw new SutureError("not-applicable", "the process ended");
    if (thread.stop.kind === "running")
      throw new SutureError("blocked", "a borrowed thread does not come back from its call");
    signal = thread.stop.kind === "signal" ? thread.stop.signal : 0;
  }
}
