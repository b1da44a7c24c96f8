import { readFileSync } from "node:fs";
import { SutureError } from "../../../protocol/errors.ts";
import { step, within } from "../../system/looks.ts";
import { listThreads, openMemory, outlineOf, type ProcessMemory, readMappings, startTime } from "../../system/proc.ts";

/** One process, by number and start. */
export type ProcessId = { pid: number; startTime: string };

/** This boot's number: start times are counted from it. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Whether the process still is the one that was meant. */
export function isAlive(process: ProcessId): boolean {
  return startTime(process.pid) === process.startTime;
}

/**
 * Whether a process has ended, or is just about to: the kernel takes its memory first, and shows its number for a while longer. Any of its threads may
 * end before the others. False where that cannot be told.
 */
export function isGone(process: ProcessId): boolean {
  const hasNoMemory = (tid: number) => readMappings(tid).length === 0;
  try {
    return !isAlive(process) || listThreads(process.pid).every(hasNoMemory);
  } catch {
    return false;
  }
}

/**
 * Opens a process's memory, and makes sure that it is the process that is meant; closes it when `use` is done, also where that is later.
 * Throws `not-applicable` where the process is gone or became another program meanwhile, `no-permission`, `unsupported` where it is passed over.
 */
export function withMemory<T>(process: ProcessId, use: (memory: ProcessMemory) => T): T {
  return within(process.pid, () => withOpenMemory(process, use));
}

function withOpenMemory<T>(process: ProcessId, use: (memory: ProcessMemory) => T): T {
  const gone = (what: string, cause?: unknown) =>
    new SutureError("not-applicable", `process ${process.pid} ${what}`, { cause });
  const program = programOf(process.pid);
  // start time and number stay when it becomes another program, and then every read fails in its own way
  const explained = (cause: unknown) =>
    isAlive(process) && programOf(process.pid) !== program ? gone("became another program", cause) : cause;
  const memory = inSteps(openMemoryOf(process));
  let isLater = false;
  try {
    // after opening: from here on the handle means this process and no later one of its number
    if (!isAlive(process)) throw gone("is gone");
    if (programOf(process.pid) !== program) throw gone("became another program");
    const used = use(memory);
    if (!(used instanceof Promise)) return used;
    isLater = true;
    const failed = (cause: unknown) => Promise.reject(explained(cause));
    return used.catch(failed).finally(() => memory.close()) as T;
  } catch (cause) {
    throw explained(cause);
  } finally {
    if (!isLater) memory.close();
  }
}

/** Each access may wait for the process, whose pages can be of a file system that it answers for itself. */
function inSteps(memory: ProcessMemory): ProcessMemory {
  return {
    read: (address, size) => step(() => memory.read(address, size)),
    write: (address, bytes) => step(() => memory.write(address, bytes)),
    close: () => memory.close(),
  };
}

function openMemoryOf(process: ProcessId): ProcessMemory {
  try {
    return openMemory(process.pid);
  } catch (cause) {
    if (isGone(process)) throw new SutureError("not-applicable", `process ${process.pid} is gone`, { cause });
    throw new SutureError("no-permission", `the memory of process ${process.pid} cannot be opened`, { cause });
  }
}

/** What tells the program that a process runs from the one that it runs after an exec: where its code and its stack lie. */
function programOf(pid: number): string {
  const [start, , ...places] = (outlineOf(pid) ?? "").split(" ");
  return [start, ...places].join(" ");
}
