import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hostKernel } from "../engines/klp/kernel.ts";
import { ifReadable, parentOf, startTime } from "../system/proc.ts";
import { shutdownsIn, type Traces } from "./last-boot.ts";

/** Where a host shows trouble that no health window sees. Times are seconds since the epoch. */
export type Signs = {
  /** how often the kernel oopsed since it booted; undefined where it does not say */
  oopses(): number | undefined;
  /** the kernel's own words of the last oops */
  lastOops(): string | undefined;
  bootedAt(): number;
  /** what the host keeps of how it went down. @param since crash dumps before this are of no concern */
  traces(since: number): Traces;
  /** a process: who started it, and when. Undefined where it is gone */
  process(pid: number): { parent: number; startedAt: number } | undefined;
};

/** TAINT_DIE, by which a kernel says that it oopsed. @see Documentation/admin-guide/tainted-kernels.rst */
const taintDie = 1 << 7;
/** Clock ticks a second in /proc, on every architecture that agents run on. @see proc_pid_stat(5) */
const ticks = 100;
const oopsWords = /^(BUG:|Oops:|kernel BUG at|general protection fault|Unable to handle kernel)/;

/** The signs of this host. */
export function hostSigns(): Signs {
  const bootedAt = () => Number(/^btime (\d+)$/m.exec(text("/proc/stat") ?? "")?.[1] ?? 0);
  return {
    bootedAt,
    oopses() {
      // Since Linux 6.2; before, the kernel remembers only that there was one
      const count = text("/sys/kernel/oops_count");
      if (count !== undefined) return Number(count);
      const taint = text("/proc/sys/kernel/tainted");
      return taint === undefined ? undefined : Number((BigInt(taint.trim()) & BigInt(taintDie)) !== 0n);
    },
    lastOops: () =>
      hostKernel()
        .log(-1)
        .findLast((line) => oopsWords.test(line.text))?.text,
    traces: (since) => ({
      // The older file, too: it may have been set aside after the shutdown
      shutdowns: ["/var/log/wtmp.1", "/var/log/wtmp"].flatMap((path) => {
        const bytes = ifReadable(() => readFileSync(path));
        return bytes === undefined ? [] : shutdownsIn(bytes);
      }),
      // systemd-pstore(8) moves them from the one to the other
      crashDumps: ["/sys/fs/pstore", "/var/lib/systemd/pstore"].flatMap((directory) => crashDumpsIn(directory, since)),
    }),
    process(pid) {
      const started = startTime(pid);
      return started === null
        ? undefined
        : { parent: parentOf(pid), startedAt: bootedAt() + Math.floor(Number(started) / ticks) };
    },
  };
}

function text(path: string): string | undefined {
  return ifReadable(() => readFileSync(path, "latin1"));
}

function crashDumpsIn(directory: string, since: number): string[] {
  const names = ifReadable(() => readdirSync(directory)) ?? [];
  return names.filter((name) => {
    const modified = ifReadable(() => statSync(join(directory, name)).mtimeMs) ?? 0;
    return name.startsWith("dmesg-") && modified / 1000 >= since;
  });
}
