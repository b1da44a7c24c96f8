import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from "node:fs";

/** One line of /proc/PID/maps: addresses and the file offset in bytes, `device:inode` as the kernel prints it. */
export type Mapping = {
  start: number;
  end: number;
  permissions: string;
  offset: number;
  file: string;
  inode: number;
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
  const [state, ...rest] = statFields(pid);
  return state === undefined || state === "Z" || state === "X" ? null : (rest[18] ?? null);
}

/**
 * What hardly stays the same when a process runs another program or maps other code: when it started, the size of its memory, and where
 * the kernel put program and stack, which it chooses at random. Undefined where the process is gone. @see proc_pid_stat(5), fields 22, 23, 26 to 28
 */
export function outlineOf(pid: number): string | undefined {
  const fields = statFields(pid);
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

/** The fields of /proc/PID/stat from the third, the state, on; empty where the process is gone. */
function statFields(pid: number): string[] {
  // As UTF-8 Node reads it for two thirds of the time; in a name that is none, no byte becomes a bracket
  const stat = ifPresent(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
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
  const text = ifPresent(() => readFileSync(`/proc/${pid}/maps`, "utf8")) ?? "";
  return Array.from(
    text.matchAll(line),
    ([, start = "", end = "", permissions = "", offset = "", device = "", inode = "", path = ""]) => ({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      permissions,
      offset: Number.parseInt(offset, 16),
      file: `${device}:${inode}`,
      inode: Number(inode),
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
  const handle = `/proc/${pid}/map_files/${range}`;
  return mapping.path.endsWith(" (deleted)") ? [handle] : [handle, `/proc/${pid}/root${mapping.path}`];
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
  const handle = openSync(`/proc/${pid}/mem`, "r+");
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

/** Runs `read`; undefined where what it reads went away, which processes do at any moment. */
export function ifPresent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/** Runs `read`; undefined where what it reads went away or is none of ours. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return ifPresent(read);
  } catch (error) {
    if (isSystemError(error, "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

/** Whether `error` is the system's, with one of the codes. */
export function isSystemError(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

function numbersIn(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}
