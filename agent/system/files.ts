import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { ifPresent, isSystemError } from "./proc.ts";

/** Makes a directory that its owner alone can look into. */
export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

/**
 * Replaces a file as a whole, for its owner only. When it returns the bytes are on the disk; killed before, the old ones are.
 * @throws SutureError `no-space` where the disk is full: the old ones stay, and nothing of the new
 */
export function writeDurably(path: string, data: string | Uint8Array): void {
  const draft = `${path}.new`;
  try {
    const file = openSync(draft, "w", 0o600);
    try {
      writeFileSync(file, data);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (cause) {
    if (!isSystemError(cause, "ENOSPC", "EDQUOT")) throw cause;
    rmSync(draft, { force: true });
    throw new SutureError("no-space", `The disk is full: ${path} cannot be written`, { cause });
  }
  syncDirectory(dirname(path));
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

/** A file's bytes; undefined where there is none. Throws the system's other errors. */
export function readBytes(path: string): Buffer | undefined {
  return ifPresent(() => readFileSync(path));
}

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
