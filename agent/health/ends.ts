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
/** So many failures of one program, none of its first processes living on, are a program that does not stay up. */
const restartLimit = 3;

/**
 * What is wrong by the ways in which a patch's processes ended since it went in; undefined where nothing is.
 *
 * A crash is trouble whatever lives on. A process that fails otherwise (an exit status that is not 0, or another signal) is trouble
 * where it is replaced and its replacement fails too: a program that only ends with 1 now and then, as many do, is well.
 * @param watched the processes that had the patch first, as `targetsOf` names them
 */
export function endTrouble(ends: readonly ProcessEnd[], watched: readonly string[]): string | undefined {
  for (const end of ends) {
    const crash = crashSignals.find((name) => isBySignal(end, constants.signals[name]));
    if (crash !== undefined) return `${end.name} (${end.pid}) ended with ${crash} within the window`;
  }
  for (const [name, all] of Map.groupBy(ends, (end) => end.name)) {
    const failures = all.filter(({ how }) => how !== null && !("status" in how && how.status === 0));
    const isFirst = (target: string) => target.startsWith(`${name} (`);
    const firstLivesOn = watched.some(
      (target) => isFirst(target) && !all.some((end) => target === `${end.name} (${end.pid})`),
    );
    if (failures.length >= restartLimit && watched.some(isFirst) && !firstLivesOn)
      return `${name} ended ${failures.length} times within the window`;
  }
  return undefined;
}

function isBySignal({ how }: ProcessEnd, signal: number): boolean {
  return how !== null && "signal" in how && how.signal === signal;
}
