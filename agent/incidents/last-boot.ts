import type { Sightings } from "../state/sightings.ts";

/** What a host keeps of how it went down. Times are seconds since the epoch. */
export type Traces = {
  /** shutdowns that the host wrote down itself, of whatever boot; empty where it writes none */
  shutdowns: readonly number[];
  /** the names of the kernel's crash dumps since that boot was seen first */
  crashDumps: readonly string[];
};

/**
 * How the boot of the last look ended, in a sentence where that was not as anybody wanted. Undefined where it was an ordinary
 * shutdown, and where nothing speaks for the one or the other: an ordinary reboot must never look like trouble.
 */
export function unplannedEnd(
  { since, running }: Pick<Sightings, "since" | "running">,
  { shutdowns, crashDumps }: Traces,
): string | undefined {
  if (crashDumps.length > 0) return `The kernel left a crash dump: ${crashDumps.join(", ")}`;
  if (shutdowns.some((at) => at >= since)) return undefined;
  if (shutdowns.length > 0) return "The host went down, and its list of shutdowns has none";
  return running ? "The host went down while the agent ran, and nobody had asked it to stop" : undefined;
}

/**
 * Whether the boot of the last look ended in a shutdown that somebody wanted, beyond doubt: the host wrote it down, or it was shutting down
 * when it asked the agent to stop, and its kernel left no crash dump.
 */
export function wasShutDown(
  { since, hostStopping }: Pick<Sightings, "since" | "hostStopping">,
  { shutdowns, crashDumps }: Traces,
): boolean {
  return crashDumps.length === 0 && (hostStopping === true || shutdowns.some((at) => at >= since));
}

/** struct utmp on x86-64 and aarch64 Linux: its size, where its members are, and the type of a change of runlevel. @see utmp(5) */
const utmp = { size: 384, type: 0, user: 44, userLength: 32, seconds: 340, runLevel: 1 } as const;

/** When the host was shut down, by the bytes of its wtmp. @see utmp(5), systemd-update-utmp.service(8) */
export function shutdownsIn(wtmp: Buffer): number[] {
  const times: number[] = [];
  for (let at = 0; at + utmp.size <= wtmp.length; at += utmp.size) {
    const user = wtmp.toString("latin1", at + utmp.user, at + utmp.user + utmp.userLength).replace(/\0.*$/s, "");
    if (wtmp.readInt16LE(at + utmp.type) === utmp.runLevel && user === "shutdown") {
      times.push(wtmp.readUInt32LE(at + utmp.seconds));
    }
  }
  return times;
}
