import { closeSync, openSync, readSync } from "node:fs";
import { SutureError } from "../../protocol/errors.ts";
import { processDirectory } from "./living-thread.ts";
import { ifPresent } from "./system-errors.ts";

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

const mappingLine = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+) *(.*)$/gm;
/** Code: a process has several times as many mappings of other kinds. */
const codeLine = /^([0-9a-f]+)-([0-9a-f]+) (..x.) ([0-9a-f]+) (\S+) (\d+) *(.*)$/gm;
/** A process can have a quarter of a million mappings with paths of 4 KiB, and make them so; bytes of text, mappings, letters of paths. */
const bounds = { text: 64 * 1024 * 1024, mappings: 300_000, paths: 8 * 1024 * 1024 };

/**
 * The mappings of a process in order of address; empty for a kernel thread and where the process is gone.
 * Throws the system's EACCES where we may not look, `unsupported` where there are more than is reasonable.
 */
export function readMappings(pid: number): Mapping[] {
  return mappingsBy(mappingLine, pid);
}

/** Those of a process's mappings that hold code, for a third of what all of them cost. Throws as `readMappings` does. */
export function readCodeMappings(pid: number): Mapping[] {
  return mappingsBy(codeLine, pid);
}

function mappingsBy(line: RegExp, pid: number): Mapping[] {
  const first = ifPresent(() => readLines(`/proc/${pid}/maps`, line, pid)) ?? [];
  if (first.length > 0) return first;
  const other = processDirectory(pid);
  return other === `/proc/${pid}/task/${pid}` ? [] : (ifPresent(() => readLines(`${other}/maps`, line, pid)) ?? []);
}

/** Each reading takes the place of the one before. */
const buffer = Buffer.alloc(64 * 1024);

/** The lines of a file of that form. It is read piece by piece, for nobody knows how long it is. */
function readLines(path: string, line: RegExp, pid: number): Mapping[] {
  const found: Mapping[] = [];
  let [text, paths, kept] = [0, 0, 0];
  const file = openSync(path, "r");
  try {
    for (;;) {
      const count = readSync(file, buffer, kept, buffer.length - kept, null);
      if (count === 0) return found;
      text += count;
      const end = buffer.lastIndexOf(0x0a, kept + count - 1) + 1;
      for (const fields of buffer.toString("utf8", 0, end).matchAll(line)) {
        const mapping = mappingOf(fields);
        if (mapping.path === "[vsyscall]") continue;
        paths += mapping.path.length;
        found.push(mapping);
      }
      kept = kept + count - end;
      const isTooMuch = text > bounds.text || paths > bounds.paths || found.length > bounds.mappings;
      if (isTooMuch || kept === buffer.length)
        throw new SutureError("unsupported", `process ${pid} has more mappings than this agent reads`);
      buffer.copyWithin(0, end, end + kept);
    }
  } finally {
    closeSync(file);
  }
}

function mappingOf(fields: RegExpExecArray): Mapping {
  const [, start = "", end = "", permissions = "", offset = "", device = "", inode = "", path = ""] = fields;
  return {
    start: Number.parseInt(start, 16),
    end: Number.parseInt(end, 16),
    permissions,
    offset: Number.parseInt(offset, 16),
    file: `${device}:${inode}`,
    isAnonymous: inode === "0",
    path,
  };
}
