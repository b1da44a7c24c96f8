import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { ifPresent, isSystemError } from "./proc.ts";

/** Makes a directory that its owner alone can look into. When it returns, it and the parents that were made for it are on the disk. */
export function makePrivateDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  if (first === undefined) return;
  const above = dirname(first);
  for (let made = resolve(path); made !== above && made !== dirname(made); made = dirname(made))
    syncDirectory(dirname(made));
}

/** Creates a file that is not there; one of this name, a link among them, is never opened: anybody may have put it there. */
const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/**
 * Replaces a file as a whole, for its owner only. When it returns the bytes are on the disk; killed before, the old ones are.
 * @throws SutureError `no-space` where the disk is full: the old ones stay, and nothing of the new
 */
export function writeDurably(path: string, data: string | Uint8Array): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writeDraft(draft, path, data);
  renameSync(draft, path);
  syncDirectory(dirname(path));
}

/**
 * Writes a file that is not there yet, for its owner only, in a directory that others may write to as well, such as /tmp.
 * @throws SutureError `already-exists`, `no-space`; nothing is left behind then
 */
export function writeNewDurably(path: string, data: string | Uint8Array): void {
  const draft = `${path}.${randomBytes(8).toString("hex")}.new`;
  try {
    writeDraft(draft, path, data);
    linkSync(draft, path);
  } catch (cause) {
    if (!isSystemError(cause, "EEXIST")) throw cause;
    throw new SutureError("already-exists", `${path} exists already`, { cause });
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(path));
}

function writeDraft(draft: string, path: string, data: string | Uint8Array): void {
  const file = openSync(draft, createNew, 0o600);
  try {
    writeFileSync(file, data);
    fsyncSync(file);
  } catch (cause) {
    rmSync(draft, { force: true });
    if (!isSystemError(cause, "ENOSPC", "EDQUOT")) throw cause;
    throw new SutureError("no-space", `The disk is full: ${path} cannot be written`, { cause });
  } finally {
    closeSync(file);
  }
}

/** Renames within one directory, durably. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(dirname(to));
}

/** Removes a file, durably; one that is not there is no error. */
export function removeDurably(path: string): void {
  rmSync(path, { force: true });
  syncDirectory(dirname(path));
}

/**
 * A file's bytes; undefined where there is none. Throws the system's other errors.
 * @throws SutureError `state-damaged` for what is not a regular file: a FIFO in its place would be waited for without end
 */
export function readBytes(path: string): Buffer | undefined {
  return ifPresent(() => {
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      if (fstatSync(file).isFile()) return readFileSync(file);
    } finally {
      closeSync(file);
    }
    throw new SutureError("state-damaged", `${path} is not a regular file`);
  });
}

/**
 * Moves a damaged file out of the way, so that work goes on without it and what is left of it can be looked at. One that was set aside
 * before is gone then.
 */
export function setAside(path: string): void {
  rmSync(`${path}${damagedEnd}`, { recursive: true, force: true });
  renameDurably(path, `${path}${damagedEnd}`);
}

/** How the name of a file ends that was set aside. */
export const damagedEnd = ".damaged";

/** The names in a directory that end so, in order; none where there is no directory. Drafts of a killed writer never count. */
export function namesIn(directory: string, ending: string): string[] {
  return (ifPresent(() => readdirSync(directory)) ?? []).filter((name) => name.endsWith(ending)).sort();
}

/** Windows has no such thing: what NTFS renames it writes to its own journal first. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
