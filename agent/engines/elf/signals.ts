import { threadStatus } from "../../system/proc.ts";
import { hasPendingSignal } from "../../system/ptrace.ts";

/**
 * Whether a stopped thread is about to run a signal's handler: that of `delivered` (0 is none), or of one that waits for it and
 * that it does not block. The system call that it was in must then end as the kernel has it end, with EINTR where so.
 */
export function isAboutToHandleSignal(pid: number, tid: number, delivered = 0): boolean {
  if (delivered === 0 && !hasPendingSignal(tid)) return false;
  const status = threadStatus(pid, tid);
  const signals = (field: string) => BigInt(`0x${status.get(field) ?? "0"}`);
  const waiting = (signals("SigPnd") | signals("ShdPnd")) & ~signals("SigBlk");
  const coming = delivered === 0 ? 0n : 1n << BigInt(delivered - 1);
  return ((waiting | coming) & signals("SigCgt")) !== 0n;
}
