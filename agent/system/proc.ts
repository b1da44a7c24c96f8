import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { isLiving, livingThread, numbersIn, processDirectory, statFields } from "./living-thread.ts";
import { ifPresent, isSystemError } from "./system-errors.ts";

export { listThreads, livingThread, processDirectory } from "./living-thread.ts";
export { type Mapping, readCodeMappings, readMappings } from "./mappings.ts";
export { ifPresent, ifReadable, isSystemError } from "./system-errors.ts";

/** The numbers of the processes that exist now. */
export function listProcesses(): number[] {
  return numbersIn("/proc");
}

/** How many threads a process has, for less than a listing costs; 0 where it is gone. */
export function countThreads(pid: number): number {
  // the directory's link count is 2 and the threads (fs/proc/base.c, proc_task_getattr)
  return (ifPresent(() => statSync(`/proc/${pid}/task`).nlink) ?? 2) - 2;
}

/**
 * When a process started, in clock ticks since boot; with its number it names one process. Null where it is gone. Windows does not
 * tell it without more: there it is empty while a process of the number exists.
 */
export function startTime(pid: number): string | null {
  if (process.platform === "win32") return exists(pid) ? "" : null;
  const fields = statFields(pid);
  return isLiving(fields[0]) || livingThread(pid) !== null ? (fields[19] ?? null) : null;
}

/**
 * What hardly stays the same when a process runs another program or maps other code: when it started, the size of its memory, and where
 * the kernel put program and stack, which it chooses at random. Undefined where the process is gone. @see proc_pid_stat(5), fields 22, 23, 26 to 28
 */
export function outlineOf(pid: number): string | undefined {
  const first = statFields(pid);
  const fields = isLiving(first[0]) ? first : statFields(pid, livingThread(pid) ?? pid);
  return fields.length === 0 ? undefined : [fields[19], fields[20], ...fields.slice(23, 26)].join(" ");
}

/**
 * Where the kernel put program and stack, which it chooses anew whenever the process executes a program. Undefined where the process is gone.
 * @see proc_pid_stat(5), fields 26 to 28
 */
export function programStart(pid: number): string | undefined {
  const fields = statFields(pid, livingThread(pid) ?? pid);
  return fields.length === 0 ? undefined : fields.slice(23, 26).join(" ");
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return isSystemError(error, "EPERM");
  }
}

/** The parent of a process; 0 where it is gone. */
export function parentOf(pid: number): number {
  return Number(statFields(pid)[1] ?? 0);
}

/** A process's name for people, in printable characters, for a program chooses its own; its number where it is gone. */
export function programName(pid: number): string {
  const name = ifPresent(() => readFileSync(`/proc/${pid}/comm`, "latin1").trim()) ?? String(pid);
  return name.replace(/[^\x20-\x7e]/g, "?");
}

/** Yama's restriction of ptrace, 0 where the kernel has none. @see https://docs.kernel.org/admin-guide/LSM/Yama.html */
export function ptraceScope(): number {
  return Number(ifPresent(() => readFileSync("/proc/sys/kernel/yama/ptrace_scope", "latin1")) ?? 0);
}

/** This process's effective capabilities as a bit mask. */
export function effectiveCapabilities(): bigint {
  return BigInt(`0x${threadStatus(process.pid, process.pid).get("CapEff") ?? "0"}`);
}

/** The fields of /proc/PID/task/TID/status; empty where the thread is gone. */
export function threadStatus(pid: number, tid: number): ReadonlyMap<string, string> {
  const text = ifPresent(() => readFileSync(`/proc/${pid}/task/${tid}/status`, "latin1")) ?? "";
  return new Map(
    text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
}

/** The memory of another process, through one open /proc/PID/mem, which goes on meaning that process and no later one. */
export type ProcessMemory = {
  /** Throws where a byte cannot be read. */
  read(address: number, size: number): Buffer;
  /** Writes through any page protection. Throws where a byte cannot be written. */
  write(address: number, bytes: Uint8Array): void;
  close(): void;
};

/** Opens a process's memory. Throws the system's ENOENT, EACCES. */
export function openMemory(pid: number): ProcessMemory {
  const handle = openSync(`${processDirectory(pid)}/mem`, "r+");
  return {
    read(address, size) {
      const bytes = Buffer.alloc(size);
      for (let done = 0; done < size; ) {
        const count = readSync(handle, bytes, done, size - done, address + done);
        if (count === 0) throw new Error(`process ${pid} has no memory at 0x${(address + done).toString(16)}`);
        done += count;
      }
      return bytes;
    },
    write(address, bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = writeSync(handle, bytes, done, bytes.length - done, address + done);
        if (count === 0) throw new Error(`process ${pid} is gone`);
        done += count;
      }
    },
    close: () => closeSync(handle),
  };
}
