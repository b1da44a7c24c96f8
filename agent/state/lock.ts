import { linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import { readBytes } from "../system/files.ts";
import { isSystemError, startTime } from "../system/proc.ts";

/**
 * Takes the state directory for this process, so that two agents never share one. A lock whose process ended, however it did, is
 * taken over.
 * @returns what gives it back
 * @throws SutureError `busy-agent` with `data.pid`
 */
export function lockState(directory: string): () => void {
  const path = join(directory, "lock");
  const own = join(directory, `lock.${process.pid}`);
  const holder = `${process.pid} ${startTime(process.pid) ?? ""}`;
  writeFileSync(own, holder, { mode: 0o600 });
  try {
    if (!tryLink(own, path)) {
      setAsideIfStale(path, `${own}.stale`);
      if (!tryLink(own, path)) throw busy(readHolder(path));
    }
  } finally {
    rmSync(own, { force: true });
  }
  return () => {
    if (readHolder(path) === holder) rmSync(path, { force: true });
  };
}

/** The process that works on this directory now; undefined where none does. */
export function holderOf(directory: string): number | undefined {
  const holder = readHolder(join(directory, "lock"));
  return isAlive(holder) ? Number(holder.split(" ")[0]) : undefined;
}

/** Whether an agent works on this directory now. */
export function isLocked(directory: string): boolean {
  return isAlive(readHolder(join(directory, "lock")));
}

/** A rename has one winner, and who renamed a live lock after all puts it back. */
function setAsideIfStale(path: string, aside: string): void {
  const holder = readHolder(path);
  if (isAlive(holder)) throw busy(holder);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return;
    throw error;
  }
  const taken = readHolder(aside);
  if (isAlive(taken)) tryLink(aside, path);
  rmSync(aside, { force: true });
  if (isAlive(taken)) throw busy(taken);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, "EEXIST")) return false;
    throw error;
  }
}

function readHolder(path: string): string {
  return readBytes(path)?.toString("utf8") ?? "";
}

function isAlive(holder: string): boolean {
  const [pid = "", started] = holder.split(" ");
  return pid !== "" && startTime(Number(pid)) === started;
}

function busy(holder: string): SutureError {
  const pid = Number(holder.split(" ")[0]);
  return new SutureError("busy-agent", `Process ${pid} works on this state directory`, { data: { pid } });
}
