import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import { ifPresent, isSystemError } from "./system-errors.ts";

export { ifPresent, ifReadable, isSystemError } from "./system-errors.ts";

/** One line of /proc/PID/maps; addresses and the file offset in bytes. */
export type Mapping = {
  start: number;
  end: number;
  permissions: string;
  offset: number;
  /** `device:inode` as the kernel prints it: an inode number may have 64 bits, which a number cannot hold */
  file: string;
  /** no file is behind it */
  isAnonymous: boolean;
  path: string;
};

/** The numbers of the processes that exist now. */
export function listProcesses(): number[] {
  return numbersIn("/proc");
}

/** The threads of a process; empty where it is gone. */
export function listThreads(pid: number): number[] {
  return ifPresent(() => numbersIn(`/proc/${pid}/task`)) ?? [];
}

/**
 * A thread of a process that has not ended; null where none is left. It is the first one as a rule, but a process lives on without it, and
 * then the kernel shows of the process, by that thread, neither memory nor program nor root.
 */
export function livingThread(pid: number): number | null {
  const lives = (tid: number) => isLiving(statFields(pid, tid)[0]);
  return lives(pid) ? pid : (listThreads(pid).find((tid) => tid !== pid && lives(tid)) ?? null);
}

/** The /proc directory of a living thread, which shows of the process what all threads share; the first one's where none lives. */
export function processDirectory(pid: number): string {
  return `/proc/${pid}/task/${livingThread(pid) ?? pid}`;
}

function isLiving(state: string | undefined): boolean {
  return state !== undefined && state !== "Z" && state !== "X";
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

/** The fields of /proc/PID/stat, or of a thread's, from the third, the state, on; empty where it is gone. */
function statFields(pid: number, tid = pid): string[] {
  const path = tid === pid ? `/proc/${pid}/stat` : `/proc/${pid}/task/${tid}/stat`;
  // As UTF-8 Node reads it for two thirds of the time; in a name that is none, no byte becomes a bracket
  const stat = ifPresent(() => readFileSync(path, "utf8"));
  // the second field is the program's name and may hold anything, so count from its closing bracket
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
}

/** A process's name for people; its number where it is gone. */
export function programName(pid: number): string {
  return ifPresent(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? String(pid);
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

const mappingLine = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+) *(.*)$/gm;
/** Code that comes from a file: a process has several times as many mappings of other kinds. */
const codeLine = /^([0-9a-f]+)-([0-9a-f]+) (..x.) ([0-9a-f]+) (\S+) ([1-9]\d*) +(\/.*)$/gm;

/**
 * The mappings of a process in order of address; empty for a kernel thread and where the process is gone.
 * Throws the system's EACCES where we may not look.
 */
export function readMappings(pid: number): Mapping[] {
  return mappingsBy(mappingLine, pid).filter(({ path }) => path !== "[vsyscall]");
}

/** Those of a process's mappings that hold code from a file, for a third of what all of them cost. Throws as `readMappings` does. */
export function readCodeMappings(pid: number): Mapping[] {
  return mappingsBy(codeLine, pid);
}

function mappingsBy(line: RegExp, pid: number): Mapping[] {
  // As UTF-8 Node reads a file whose size it cannot know without a buffer of 64 KiB for each
  const read = (directory: string) => ifPresent(() => readFileSync(`${directory}/maps`, "utf8")) ?? "";
  const text = read(`/proc/${pid}`) || read(processDirectory(pid));
  return Array.from(
    text.matchAll(line),
    ([, start = "", end = "", permissions = "", offset = "", device = "", inode = "", path = ""]) => ({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      permissions,
      offset: Number.parseInt(offset, 16),
      file: `${device}:${inode}`,
      isAnonymous: inode === "0",
      path,
    }),
  );
}

/**
 * A path under which the file of a mapping can be opened: the kernel's own handle to it, which outlives deletion and
 * replacement, or the path in the process's own root where we lack the right to that.
 */
export function mappedFilePaths(pid: number, mapping: Mapping): string[] {
  const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
  // a thread has the directory under its own number only, which no listing shows
  const handle = `/proc/${livingThread(pid) ?? pid}/map_files/${range}`;
  return mapping.path.endsWith(" (deleted)") ? [handle] : [handle, `${processDirectory(pid)}/root${mapping.path}`];
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

function numbersIn(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}
