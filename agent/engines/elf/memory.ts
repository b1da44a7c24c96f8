import { SutureError } from "../../../protocol/errors.ts";
import { openMemory, type ProcessMemory, startTime } from "../../system/proc.ts";

/** One process, by number and start. */
export type ProcessId = { pid: number; startTime: string };

/** Whether the process still is the one that was meant. */
export function isAlive(process: ProcessId): boolean {
  return startTime(process.pid) === process.startTime;
}

/** Opens a process's memory, and makes sure that it is the process that is meant. Throws `not-applicable` where it is gone. */
export function withMemory<T>(process: ProcessId, use: (memory: ProcessMemory) => T): T {
  let memory: ProcessMemory;
  try {
    memory = openMemory(process.pid);
  } catch (cause) {
    if (!isAlive(process)) throw new SutureError("not-applicable", `process ${process.pid} is gone`, { cause });
    throw new SutureError("no-permission", `the memory of process ${process.pid} cannot be opened`, { cause });
  }
  try {
    // after opening: from here on the handle means this process and no later one of its number
    if (!isAlive(process)) throw new SutureError("not-applicable", `process ${process.pid} is gone`);
    return use(memory);
  } finally {
    memory.close();
  }
}
