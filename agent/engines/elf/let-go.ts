import { detach, registers, type Stop } from "../../system/ptrace.ts";
import type { Machine } from "./machine.ts";
import { isAboutToHandleSignal } from "./signals.ts";

const scratch = Buffer.alloc(256);

/**
 * Makes a system call that our stop ended with EINTR be made again; one that a signal ended is not, for its program is to see that.
 * `current` holds the stopped thread's registers, and afterwards the repaired ones.
 */
export function repairSystemCall(pid: number, tid: number, stop: Stop, machine: Machine, current: Buffer): void {
  // a thread of the kernel's has no stack, and makes no system calls
  if (machine.stackPointer(current) === 0 || !machine.endedWithEintr(current)) return;
  if (isAboutToHandleSignal(pid, tid, stop.kind === "signal" ? stop.signal : 0)) return;
  machine.rewindSystemCall(current, false);
  registers.set(tid, current);
}

/**
 * Lets a thread that was stopped and not used go on as if nothing had been: whatever made us give up, its program sees no EINTR. One
 * that has not stopped yet is let go when it does.
 */
export function letGo(pid: number, tid: number, stop: Stop, machine: Machine): void {
  detach(tid, stop, (late) => {
    if (registers.get(tid, scratch)) repairSystemCall(pid, tid, late, machine, scratch);
  });
}
