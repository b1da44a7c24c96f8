import { readdirSync, readFileSync } from "node:fs";
import { ifPresent } from "./system-errors.ts";

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

/** Likewise the directory that only processes have by right; under a thread's number no listing shows it. */
export function threadDirectory(pid: number): string {
  return `/proc/${livingThread(pid) ?? pid}`;
}

/** Whether a state, as /proc shows it, is that of a thread that has not ended. */
export function isLiving(state: string | undefined): boolean {
  return state !== undefined && state !== "Z" && state !== "X";
}

/** The fields of /proc/PID/stat, or of a thread's, from the third, the state, on; empty where it is gone. */
export function statFields(pid: number, tid = pid): string[] {
  const path = tid === pid ? `/proc/${pid}/stat` : `/proc/${pid}/task/${tid}/stat`;
  // As UTF-8 Node reads it for two thirds of the time; in a name that is none, no byte becomes a bracket
  const stat = ifPresent(() => readFileSync(path, "utf8"));
  // the second field is the program's name and may hold anything, so count from its closing bracket
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
}

/** The names in a directory that are numbers. Throws the system's errors. */
export function numbersIn(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}
