import { readdirSync, readFileSync } from "node:fs";
import { openMemory, type ProcessMemory, readMappings } from "../../agent/system/proc.ts";
import type { ElfFile } from "../../protocol/elf/elf-file.ts";
import type { CodeRange, IdenticalPayload } from "./identical-payload.ts";

/** A process, told from a later one of the same number by when it began. */
export type ProcessMark = { pid: number; startTime: string; commandLine: string };

const pageBytes = 4096;
const landingPad = 0xf30f1efa;

/** The processes that have a file's code mapped. */
export function processesOf(path: string): ProcessMark[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const maps = readOr(`/proc/${name}/maps`);
      const isMapped = maps.split("\n").some((line) => line.includes(" r-xp ") && line.endsWith(` ${path}`));
      const mark = markOf(Number(name));
      return isMapped && mark && mark.pid !== process.pid ? [mark] : [];
    });
}

/** Those of the processes that are no longer there, or have become a zombie. */
export function ended(processes: readonly ProcessMark[]): ProcessMark[] {
  return processes.filter(({ pid, startTime }) => markOf(pid)?.startTime !== startTime);
}

/** How many mappings a process has; 0 where it is gone. */
export function countMappings(pid: number): number {
  return readOr(`/proc/${pid}/maps`).split("\n").length - 1;
}

/**
 * How often each replacement of a patch was called in the processes that have the patch now.
 * @param file the module's file
 * @param functions with their addresses in the file; those that the payload does not have are left out
 */
export function readCalls(
  path: string,
  file: ElfFile,
  payload: IdenticalPayload,
  functions: readonly CodeRange[],
): Map<string, number> {
  const calls = new Map<string, number>();
  for (const { pid } of processesOf(path)) {
    try {
      const memory = openMemory(pid);
      try {
        const bias = biasOf(pid, path, file);
        for (const { name, address } of functions) {
          const counter = counterOf(memory, bias + address, payload.counterOf.get(name));
          if (counter === null) continue;
          const count = Number(memory.read(counter, 8).readBigUInt64LE());
          calls.set(name, (calls.get(name) ?? 0) + count);
        }
      } finally {
        memory.close();
      }
    } catch {
      // it ended
    }
  }
  return calls;
}

/**
 * Where the counters of a patch lie in the processes that have it now. Set back to 0 after its undo, they make the payload what it was when it
 * was built, so that the next apply uses it again: a process holds no more than 64.
 */
export function countersOf(
  path: string,
  file: ElfFile,
  payload: IdenticalPayload,
  functions: readonly CodeRange[],
): { pid: number; at: number }[] {
  return processesOf(path).flatMap(({ pid }) =>
    inMemory(pid, (memory) => {
      const bias = biasOf(pid, path, file);
      return functions.flatMap(({ name, address }) => {
        const at = counterOf(memory, bias + address, payload.counterOf.get(name));
        return at === null ? [] : [{ pid, at }];
      });
    }),
  );
}

/** Sets counters back to 0, once nothing leads to the payload any more. */
export function clearCounters(counters: readonly { pid: number; at: number }[]): void {
  for (const { pid, at } of counters) {
    inMemory(pid, (memory) => {
      memory.write(at, Buffer.alloc(8));
      return [];
    });
  }
}

/** Nothing of a process that has ended. */
function inMemory<T>(pid: number, use: (memory: ProcessMemory) => T[]): T[] {
  try {
    const memory = openMemory(pid);
    try {
      return use(memory);
    } finally {
      memory.close();
    }
  } catch {
    return [];
  }
}

/** The address of a function's counter, by the jump at its entry; null where there is none. */
function counterOf(memory: ProcessMemory, entry: number, offset: number | undefined): number | null {
  if (offset === undefined) return null;
  const bytes = memory.read(entry, 16);
  const jump = bytes.readUInt32BE(0) === landingPad ? 4 : 0;
  return bytes[jump] === 0xe9 ? entry + jump + 5 + bytes.readInt32LE(jump + 1) + offset : null;
}

function biasOf(pid: number, path: string, file: ElfFile): number {
  const down = (value: number) => Math.floor(value / pageBytes) * pageBytes;
  for (const { path: mapped, permissions, start, offset } of readMappings(pid)) {
    if (mapped !== path || !permissions.includes("x")) continue;
    const segment = file.loaded.find((part) => part.executable && down(part.offset) === offset);
    if (segment) return start - down(segment.address);
  }
  throw new Error(`process ${pid} does not run ${path}`);
}

function markOf(pid: number): ProcessMark | null {
  const stat = readOr(`/proc/${pid}/stat`);
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTime = rest[18];
  if (startTime === undefined || state === "Z") return null;
  return { pid, startTime, commandLine: readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it ended meanwhile
  }
}
