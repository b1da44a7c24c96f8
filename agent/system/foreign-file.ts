import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import koffi from "koffi";
import { SutureError } from "../../protocol/errors.ts";
import { processDirectory, threadDirectory } from "./living-thread.ts";
import { stepDone } from "./looks.ts";
import type { Mapping } from "./mappings.ts";
import { isSystemError } from "./system-errors.ts";

/** A regular file that somebody else may have made, and may change at any moment. */
export type ForeignFile = {
  /** the same for as long as nobody changes the file: device, inode, size, and when it was changed last */
  identity: string;
  size: number;
  /** Fewer bytes where the file ends before. `into` receives them from its start on. Throws the system's errors. */
  read(into: Buffer, offset: number, length: number): Buffer;
};

/** So that a slow disk gives something in the time that a step may take; bytes. */
const longestRead = 1024 * 1024;
/** openat2(2) has no function in the C library; its number on every architecture. linux/openat2.h, linux/fcntl.h */
const openat2 = 437;
const inRoot = 0x10;
const noMagicLinks = 0x02;
const pathOnly = 0o10_000_000;
const closeOnExec = 0o2_000_000;
/** Neither waits for another end nor becomes this process's terminal. */
const reading = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | closeOnExec;

/**
 * Opens the file of a mapping: by the kernel's own handle to it, which outlives deletion and replacement, or by its path beneath the
 * process's root where we lack the right to that. Throws the system's errors; `unsupported` where it is no regular file.
 */
export function withMappedFile<T>(pid: number, mapping: Mapping, use: (file: ForeignFile) => T): T {
  const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
  try {
    return withRegularFile(openSync(`${threadDirectory(pid)}/map_files/${range}`, pathOnly | closeOnExec), use);
  } catch (error) {
    if (mapping.path.endsWith(" (deleted)") || !isSystemError(error, "EPERM", "EACCES", "ENOENT")) throw error;
    return withFileBeneathRoot(pid, mapping.path, use);
  }
}

/**
 * Opens a file by its path in a process's own root, which no link leads out of. Throws the system's errors; `unsupported` where it is no
 * regular file, or where this kernel (before 5.6) cannot keep a path beneath a root that is not this agent's own.
 */
export function withFileBeneathRoot<T>(pid: number, path: string, use: (file: ForeignFile) => T): T {
  const root = openSync(`${processDirectory(pid)}/root`, pathOnly | constants.O_DIRECTORY | closeOnExec);
  try {
    return withRegularFile(openBeneath(root, path), use);
  } finally {
    closeSync(root);
  }
}

/** Takes a handle that can read nothing yet, so that no device was asked and no pipe waited for; closes it. */
function withRegularFile<T>(handle: number, use: (file: ForeignFile) => T): T {
  try {
    if (!fstatSync(handle).isFile()) throw new SutureError("unsupported", "it is no regular file");
    const file = openSync(`/proc/self/fd/${handle}`, reading);
    try {
      return use(asForeignFile(file));
    } finally {
      closeSync(file);
    }
  } finally {
    closeSync(handle);
  }
}

function asForeignFile(file: number): ForeignFile {
  // Inode numbers have 64 bits, and nanoseconds since the epoch as many
  const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(file, { bigint: true });
  return {
    identity: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`,
    size: Number(size),
    read(into, offset, length) {
      let done = 0;
      while (done < length) {
        const count = readSync(file, into, done, Math.min(longestRead, length - done), offset + done);
        stepDone();
        if (count === 0) break;
        done += count;
      }
      return into.subarray(0, done);
    },
  };
}

type Openat2 = (number: number, directory: number, path: string, how: Buffer, size: number) => number;
let loaded: Openat2 | undefined;

function openBeneath(root: number, path: string): number {
  loaded ??= koffi
    .load(null)
    .func("long syscall(long number, long directory, const char *path, void *how, size_t size)");
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(pathOnly | closeOnExec), 0);
  how.writeBigUInt64LE(BigInt(inRoot | noMagicLinks), 16);
  const handle = loaded(openat2, root, path, how, how.length);
  if (handle >= 0) return handle;
  const errno = koffi.errno();
  if (errno === koffi.os.errno.ENOSYS) return openInOwnRoot(root, path);
  const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  throw Object.assign(new Error(`${code}: a path beneath a process's root cannot be opened`), { code });
}

/** On a kernel that knows no openat2(2): where the process's root is ours a path means there what it means here. */
function openInOwnRoot(root: number, path: string): number {
  const [theirs, ours] = [fstatSync(root, { bigint: true }), statSync("/", { bigint: true })];
  if (theirs.dev !== ours.dev || theirs.ino !== ours.ino)
    throw new SutureError("unsupported", "this kernel cannot keep a path beneath another root (openat2, Linux 5.6)");
  return openSync(path, pathOnly | closeOnExec);
}
