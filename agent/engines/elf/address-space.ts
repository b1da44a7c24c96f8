import { lastTask, numbersBetween } from "../../system/new-tasks.ts";
import { countThreads, listProcesses, listThreads, livingThread, threadStatus } from "../../system/proc.ts";
import { compareMemory } from "../../system/ptrace.ts";

/** The processes that use one memory: one as a rule, more after vfork(2) or clone(2) with CLONE_VM. */
export type AddressSpace = {
  /** Their numbers, that of the process that was asked for first. */
  processes(): readonly number[];
  /** Looks at what was born since the last look. False where nothing was, on the whole host. */
  update(): boolean;
};

/**
 * Finds the processes that use the memory of one, by comparing it with each that there is. Nobody can come to share a memory but by being
 * born to one who does, so that later looks are at newborns alone.
 *
 * A process that the kernel does not let us compare counts as another: one that changed its user after it was born into a memory makes
 * that memory untraceable to whoever lacks CAP_SYS_PTRACE, and with it everything can be compared.
 *
 * @see kcmp(2), KCMP_VM
 */
export function openAddressSpace(pid: number): AddressSpace {
  let last = lastTask();
  let processes = [pid, ...sharersAmong(pid, listProcesses(), firstAndLast)];
  return {
    processes: () => processes,
    update() {
      const now = lastTask();
      if (now !== null && now === last) return false;
      const born = now === null || last === null ? [] : numbersBetween(last, now);
      last = now;
      // a child of vfork is about to run another program, with a memory of its own
      processes = [pid, ...(processes.length > 1 ? sharersAmong(pid, processes, firstAndLast) : [])];
      const known = new Set(processes);
      const found = born ? sharersAmong(pid, born) : sharersAmong(pid, listProcesses(), firstAndLast);
      processes = [...processes, ...found.filter((other) => !known.has(other))];
      return true;
    },
  };
}

/**
 * Of some processes one for each memory, the oldest; for n processes some n log n comparisons. What the kernel does not compare counts as a
 * memory of its own.
 */
export function onePerMemory<T extends { pid: number; startTime: string }>(processes: readonly T[]): T[] {
  const comparable = processes.flatMap((process) => {
    const tid = livingThread(process.pid);
    return tid !== null && compareMemory(tid, tid) === 0 ? [{ process, tid }] : [];
  });
  const age = ({ process: { startTime, pid } }: (typeof comparable)[number]) => Number(startTime) * 2 ** 22 + pid;
  comparable.sort((one, other) => compareMemory(one.tid, other.tid) || age(one) - age(other));
  const younger = comparable
    .filter(({ tid }, index) => index > 0 && compareMemory(comparable[index - 1]?.tid ?? 0, tid) === 0)
    .map(({ process }) => process);
  return processes.filter((process) => !younger.includes(process));
}

/** Those of some tasks that use a process's memory, each by the number of its process, which is another. `threadsOf`: those to compare. */
function sharersAmong(pid: number, tasks: readonly number[], threadsOf = (task: number) => [task]): number[] {
  const own = livingThread(pid);
  if (own === null) return [];
  const sharers = tasks.flatMap((task) => {
    const shares = task !== pid && threadsOf(task).some((tid) => compareMemory(own, tid) === 0);
    return shares ? [Number(threadStatus(task, task).get("Tgid") ?? task)] : [];
  });
  return [...new Set(sharers)].filter((other) => other !== pid);
}

/** The first thread of a process and another, where there is one: of a first thread that ended nothing tells which memory it had. */
function firstAndLast(process: number): number[] {
  return countThreads(process) > 1 ? [process, ...listThreads(process).slice(-1)] : [process];
}
