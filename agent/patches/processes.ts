import { describeError, isSutureError } from "../../protocol/errors.ts";
import type { ProcessEnd, Processes } from "../health/ends.ts";
import { listProcesses, programName } from "../system/proc.ts";
import { listenToProcesses, type ProcessEvent } from "../system/process-events.ts";

export type ProcessWatch = Processes & {
  /** why the host is looked at every second instead of being heard; undefined where the kernel tells */
  polling: string | undefined;
  close(): Promise<void>;
};

const keptEnds = 1024;
/**
 * A program that was just started is looked at when its libraries are likely to be mapped, and once more this much later, for a busy
 * host takes its time; milliseconds.
 */
const firstLook = 100;
const secondLook = 900;
const pollEvery = 1_000;

/**
 * Watches the processes of this host: by the kernel's process connector, or where it does not tell us by looking every second.
 *
 * @param isTarget whether a process runs a build that one of this host's patches is for
 * @param wake called when the agent has something to do: such a process started, or a patched one is gone
 * @param now milliseconds since the epoch
 */
export function watchProcesses(isTarget: (pid: number) => boolean, wake: () => void, now: () => number): ProcessWatch {
  const ends: Omit<ProcessEnd, "name">[] = [];
  const started = new Set<number>();
  const timers = new Set<NodeJS.Timeout>();
  /** the names of the processes that have each patch, or had it */
  const patched = new Map<string, Map<number, string>>();

  const later = (millis: number, work: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, millis);
    timers.add(timer);
  };
  const look = () => {
    const batch = [...started];
    started.clear();
    const others = batch.filter((pid) => !isTarget(pid));
    if (others.length < batch.length) wake();
    later(secondLook, () => {
      if (others.some(isTarget)) wake();
    });
  };
  const source = listenOrPoll((event) => {
    const { pid } = event;
    if (event.kind === "end") {
      ends.push({ pid, at: now(), how: event.how });
      if (ends.length > keptEnds) ends.shift();
      started.delete(pid);
    } else {
      // many start at once, and are looked at together
      if (started.size === 0) later(firstLook, look);
      started.add(pid);
    }
    if ([...patched.values()].some((names) => names.has(pid))) wake();
  }, wake);
  return {
    polling: source.polling,
    remember(patch, pids) {
      const before = patched.get(patch) ?? new Map<number, string>();
      const ended = [...before].filter(([pid]) => ends.some((end) => end.pid === pid));
      patched.set(
        patch,
        new Map([...ended, ...pids.map((pid) => [pid, before.get(pid) ?? programName(pid)] as const)]),
      );
    },
    endsOf(patch, since) {
      const names = patched.get(patch);
      return ends.flatMap((end) => {
        const name = end.at >= since ? names?.get(end.pid) : undefined;
        return name === undefined ? [] : [{ ...end, name }];
      });
    },
    async close() {
      for (const timer of timers) clearTimeout(timer);
      await source.close();
    },
  };
}

type Event = ProcessEvent | { kind: "end"; pid: number; how: null };
type Source = { polling: string | undefined; close(): Promise<void> };

function listenOrPoll(onEvent: (event: Event) => void, onLost: () => void): Source {
  try {
    return { polling: undefined, ...listenToProcesses(onEvent, onLost) };
  } catch (error) {
    if (!isSutureError(error, "no-permission")) throw error;
    return { polling: describeError(error), ...poll(onEvent) };
  }
}

/** Compares the numbers of all processes, second by second. A program that takes another's place in its process is not seen. */
function poll(onEvent: (event: Event) => void): Pick<Source, "close"> {
  let before = new Set(listProcesses());
  const timer = setInterval(() => {
    const now = new Set(listProcesses());
    for (const pid of before) if (!now.has(pid)) onEvent({ kind: "end", pid, how: null });
    for (const pid of now) if (!before.has(pid)) onEvent({ kind: "exec", pid });
    before = now;
  }, pollEvery);
  return {
    async close() {
      clearInterval(timer);
    },
  };
}
