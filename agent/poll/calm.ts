import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { listProcesses, readMappings } from "../system/proc.ts";
import { type Caller, type PollNote, type Programs, stampOf } from "./note.ts";

/** A busy host is looked at as a whole: more new processes than this are not looked at one by one. */
const mostNew = 64;

/**
 * Whether a poll is enough: the last whole round is recent, and nothing that it went by has changed. Any doubt says no.
 * @param now seconds since the epoch
 * @throws the system's errors, each of which is a doubt
 */
export function isCalm(
  note: PollNote,
  { state, caller, now }: { state: string; caller: Caller; now: number },
): boolean {
  return (
    now >= note.since &&
    now < note.until &&
    JSON.stringify(caller) === JSON.stringify(note.caller) &&
    note.bootId === bootId() &&
    !existsSync(join(state, "lock")) &&
    Object.entries(note.stamps).every(([path, stamp]) => stampOf(path) === stamp) &&
    (note.programs === null || !isOneNew(note.programs))
  );
}

/** This boot of the kernel. */
function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Whether a process runs a patched program that no whole round has looked at. */
function isOneNew({ known, files }: Programs): boolean {
  const before = new Set(known).add(process.pid);
  const started = listProcesses().filter((pid) => !before.has(pid));
  if (files === null || started.length > mostNew) return started.length > 0;
  const patched = new Set(files);
  return started.some((pid) => readMappings(pid).some(({ file }) => patched.has(file)));
}
