import type * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Fs = typeof fs;

/** Thrown by every operation on a disk that has lost its power. */
class PowerLoss extends Error {}

/**
 * The file system calls that the agent's state is written with, on a disk whose power fails at the n-th of them below one folder. What
 * was not flushed is lost, as it may be: bytes of a file without fsync, a rename or a removal without fsync of its directory.
 */
export function failingDisk(real: Fs) {
  let folder = "";
  let left = Number.POSITIVE_INFINITY;
  let isOff = false;
  const paths = new Map<number, string>();
  const dirty = new Set<string>();
  const asides: string[] = [];
  /** how to take back what its directory does not know for certain yet */
  let unsynced: { directory: string; revert: () => void }[] = [];
  const isWithin = (path: unknown): path is string =>
    typeof path === "string" && folder !== "" && path.startsWith(folder);
  const directoryOf = (path: string) => path.slice(0, path.lastIndexOf("/"));

  function step(): void {
    if (isOff) throw new PowerLoss("The power is off");
    if (--left >= 0) return;
    isOff = true;
    for (const { revert } of unsynced.reverse()) revert();
    for (const path of dirty) if (real.existsSync(path)) real.truncateSync(path, 0);
    throw new PowerLoss("The power is gone");
  }

  /** Puts back what stood at a path. */
  function remember(path: string): () => void {
    if (real.existsSync(path) && real.statSync(path).isDirectory()) {
      const aside = real.mkdtempSync(join(tmpdir(), "suture-disk-"));
      asides.push(aside);
      real.cpSync(path, aside, { recursive: true });
      return () => real.cpSync(aside, path, { recursive: true });
    }
    const bytes = real.existsSync(path) && real.statSync(path).isFile() ? real.readFileSync(path) : undefined;
    return () => {
      if (bytes === undefined) real.rmSync(path, { force: true, recursive: true });
      else real.writeFileSync(path, bytes, { mode: 0o600 });
    };
  }

  const calls = {
    openSync: ((path: string, flags: string, mode?: number) => {
      if (!isWithin(path)) return real.openSync(path, flags, mode);
      step();
      const file = real.openSync(path, flags, mode);
      paths.set(file, path);
      if (flags === "w") dirty.add(path);
      return file;
    }) as Fs["openSync"],
    writeFileSync: ((target: number | string, data: string, options?: fs.WriteFileOptions) => {
      const path = typeof target === "number" ? paths.get(target) : target;
      if (!isWithin(path)) return real.writeFileSync(target, data, options);
      step();
      dirty.add(path);
      return real.writeFileSync(target, data, options);
    }) as Fs["writeFileSync"],
    fsyncSync: ((file: number) => {
      const path = paths.get(file);
      if (path === undefined) return real.fsyncSync(file);
      step();
      dirty.delete(path);
      unsynced = unsynced.filter(({ directory }) => directory !== path);
    }) as Fs["fsyncSync"],
    closeSync: ((file: number) => {
      paths.delete(file);
      real.closeSync(file);
    }) as Fs["closeSync"],
    renameSync: ((from: string, to: string) => {
      if (!isWithin(to)) return real.renameSync(from, to);
      step();
      const [source, target] = [remember(from), remember(to)];
      real.renameSync(from, to);
      if (dirty.delete(from)) dirty.add(to);
      unsynced.push({ directory: directoryOf(to), revert: () => [target(), source()] });
    }) as Fs["renameSync"],
    rmSync: ((path: string, options?: fs.RmOptions) => {
      if (!isWithin(path)) return real.rmSync(path, options);
      step();
      const back = remember(path);
      real.rmSync(path, options);
      unsynced.push({ directory: directoryOf(path), revert: back });
    }) as Fs["rmSync"],
  };

  return {
    calls,
    /** From now on the power fails at the n-th operation below a folder. */
    failAt(below: string, operation: number): void {
      [folder, left, isOff, unsynced] = [below, operation, false, []];
      dirty.clear();
      paths.clear();
    },
    /** The power is back. @returns whether it was gone */
    restore(): boolean {
      const was = isOff;
      for (const aside of asides.splice(0)) real.rmSync(aside, { recursive: true });
      [folder, left, isOff] = ["", Number.POSITIVE_INFINITY, false];
      return was;
    },
  };
}
