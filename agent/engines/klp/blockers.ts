import type { Kernel } from "./kernel.ts";

/** A task that has not left the old code, as evidence: which it is, where it is, and for how long it has existed. */
export type Blocker = { task: string; pid: number; thread: number; ageSeconds: number; stack: string };

/** More tell a person nothing new. */
const maxBlockers = 20;
const maxFrames = 12;
/** The kernel's USER_HZ, the unit of times in /proc/PID/stat, on every architecture that we know. */
const ticksPerSecond = 100;

/**
 * The tasks that hold a transition up: those whose patch_state is neither what is wanted nor idle.
 * @param wanted 1 while a patch goes in, 0 while it goes out
 * @see Documentation/livepatch/livepatch.rst, "Consistency model"
 */
export function findBlockers(kernel: Kernel, wanted: 0 | 1): Blocker[] {
  const uptime = Number((kernel.read("/proc/uptime") ?? "0").split(" ")[0]);
  const blockers: Blocker[] = [];
  for (const process of kernel.list("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    for (const thread of kernel.list(`/proc/${process}/task`)) {
      if (blockers.length === maxBlockers) return blockers;
      const directory = `/proc/${process}/task/${thread}`;
      const state = kernel.read(`${directory}/patch_state`);
      if (state === undefined || state === "-1" || state === String(wanted)) continue;
      blockers.push({
        task: kernel.read(`${directory}/comm`) ?? "",
        pid: Number(process),
        thread: Number(thread),
        ageSeconds: Math.max(0, Math.round(uptime - startOf(kernel.read(`${directory}/stat`) ?? ""))),
        stack: framesOf(kernel.read(`${directory}/stack`) ?? ""),
      });
    }
  }
  return blockers;
}

/** When a task started, in seconds since boot: the 22nd field, counted from the bracket that ends its name. */
function startOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? 0) / ticksPerSecond;
}

/** `[<0>] function+0x1/0x2 [module]` a line, innermost first. */
function framesOf(stack: string): string {
  const frames = stack.split("\n").map((line) => line.replace(/^\[<[^>]*>\] /, "").replace(/\+0x\S*/, ""));
  return frames.slice(0, maxFrames).join(" < ");
}
