import { SutureError } from "../../../protocol/errors.ts";
import { isSystemError, listThreads, type ProcessMemory } from "../../system/proc.ts";
import { interrupt, type Stop, seize, waitForStop, withPriority } from "../../system/ptrace.ts";
import { pokeMemory } from "../../system/trace-requests.ts";
import { letGo } from "./let-go.ts";
import type { Machine } from "./machine.ts";

/** As much as is written while a thread stands still for it, in bytes. */
const pieceBytes = 4096;

/**
 * Writes to pages that a process itself may not write, such as code. Kernels can be told to refuse that through /proc/PID/mem
 * (`proc_mem.force_override`, Linux 6.12); a tracer may still do it, while it holds a thread.
 *
 * @param held a thread that this process traces and that is stopped, where there is one; else one is stopped for each 4 KiB
 * @throws SutureError `unsupported` where the kernel permits neither; `blocked` where no thread stops
 */
export function writeCode(
  pid: number,
  machine: Machine,
  memory: Pick<ProcessMemory, "read" | "write">,
  address: number,
  bytes: Buffer,
  held?: number,
): void {
  try {
    memory.write(address, bytes);
  } catch (cause) {
    if (!isSystemError(cause, "EIO", "EPERM")) throw cause;
    const write = (tid: number, at: number, piece: Buffer) => {
      if (pokeMemory(tid, at, piece, memory.read)) return;
      throw new SutureError("unsupported", "the kernel permits nobody to write code (proc_mem.force_override)", {
        cause,
      });
    };
    if (held !== undefined) {
      write(held, address, bytes);
      return;
    }
    for (let done = 0; done < bytes.length; done += pieceBytes) {
      const piece = bytes.subarray(done, done + pieceBytes);
      withPriority(() => whileStopped(pid, machine, (tid) => write(tid, address + done, piece)));
    }
  }
}

function whileStopped(pid: number, machine: Machine, work: (tid: number) => void): void {
  for (const tid of listThreads(pid)) {
    if (seize(tid, 0) !== "seized") continue;
    let stop: Stop = { kind: "running" };
    try {
      interrupt(tid);
      stop = waitForStop(tid);
      if (stop.kind !== "stopped") continue;
      work(tid);
      return;
    } finally {
      letGo(pid, tid, stop, machine);
    }
  }
  throw new SutureError("blocked", "no thread could be stopped to write code");
}
