import { constants } from "node:os";
import type { HowEnded } from "../system/process-events.ts";

/** A process that ended; `how` is null where nobody tells. `at` in milliseconds since the epoch. */
export type ProcessEnd = { pid: number; name: string; at: number; how: HowEnded | null };

/** What the agent sees of the host's processes. */
export type Processes = {
  /** Notes who has a patch: when such a process ends or becomes another program, the agent is woken. */
  remember(patch: string, pids: readonly number[]): void;
  /**
   * How processes that had a patch ended, from a time on, oldest first; of the host's latest thousand ends.
   * @param since milliseconds since the epoch
   */
  endsOf(patch: string, since: number): ProcessEnd[];
};

/** Nobody looks. */
export const noProcesses: Processes = { remember: () => {}, endsOf: () => [] };

/** Signals by which a program's own fault ends it (signal(7)). */
const crashSignals = ["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"] as const;
/** Signals by which somebody asks a program to end. */
const askSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** What a shell answers for a command that a signal ended, and programs for themselves: 128 and the signal's number. */
const bySignal = 128;
/** So many failures of one program, none of its first processes living on, are a program that does not stay up. */
export const restartLimit = 3;

/**
 * What an end says of the program. `crashed`: by its own fault. `ordinary`: it had done its work, or somebody asked it to end. `failed`: it
 * gave up. `unclear`: nobody tells, or it was killed, which an administrator, a deadline and the kernel out of memory all do.
 */
export type Ending = "crashed" | "ordinary" | "failed" | "unclear";

export function endingOf(how: HowEnded | null): Ending {
  if (how === null) return "unclear";
  if ("status" in how) {
    return how.status === 0 || isOneOf(askSignals, how.status - bySignal) ? "ordinary" : "failed";
  }
  if (how.core === true || isOneOf(crashSignals, how.signal)) return "crashed";
  if (how.signal === constants.signals.SIGKILL) return "unclear";
  return isOneOf(askSignals, how.signal) ? "ordinary" : "failed";
}

/** How a process ended, in words. */
export function howWords(how: HowEnded | null): string {
  if (how === null) return "for a reason that nobody tells";
  if ("status" in how) return `with exit status ${how.status}`;
  const name = Object.entries(constants.signals).find(([, number]) => number === how.signal)?.[0];
  return `with ${name ?? `signal ${how.signal}`}`;
}

/**
 * What is wrong by the ways in which a patch's processes ended since it went in; undefined where nothing is.
 *
 * A crash is trouble whatever lives on. A process that fails otherwise (an exit status that is not 0, or a signal that asks for no end) is
 * trouble where it is replaced and its replacement fails too: a program that only ends with 1 now and then, as many do, is well.
 * @param watched the processes that had the patch first, as `targetsOf` names them
 * @param isServiceWell whether the host's service manager says of all of them that they did not fail
 */
export function endTrouble(
  ends: readonly ProcessEnd[],
  watched: readonly string[],
  isServiceWell = false,
): string | undefined {
  const crash = ends.find(({ how }) => endingOf(how) === "crashed");
  if (crash !== undefined) return `${crash.name} (${crash.pid}) ended ${howWords(crash.how)} within the window`;
  if (isServiceWell) return undefined;
  for (const [name, all] of Map.groupBy(ends, (end) => end.name)) {
    const failures = all.filter(({ how }) => how !== null && endingOf(how) !== "ordinary");
    const isFirst = (target: string) => target.startsWith(`${name} (`);
    const firstLivesOn = watched.some((target) => isFirst(target) && !all.some((end) => target === targetOf(end)));
    if (failures.length >= restartLimit && watched.some(isFirst) && !firstLivesOn)
      return `${name} ended ${failures.length} times within the window`;
  }
  return undefined;
}

/** A process as `targetsOf` names it. */
export function targetOf({ name, pid }: Pick<ProcessEnd, "name" | "pid">): string {
  return `${name} (${pid})`;
}

function isOneOf(names: readonly NodeJS.Signals[], signal: number): boolean {
  return names.some((name) => constants.signals[name] === signal);
}
