import { readFileSync } from "node:fs";
import { release } from "node:os";
import { ifReadable, threadStatus } from "./proc.ts";

/** Flags of a task (linux/sched.h), each with the first kernel in which it means this. */
const workerFlags: readonly { flag: number; since: readonly [number, number] }[] = [
  { flag: 0x10, since: [5, 12] }, // PF_IO_WORKER
  { flag: 0x4000, since: [6, 4] }, // PF_USER_WORKER
];
const flagsField = 6;
const vforkCalls: readonly string[] = ["56", "58", "435"];

/**
 * Whether a thread is one that the kernel runs for its process (io_uring's, vhost's): it is in the list of threads and has neither code
 * nor a stack of the program's. Its name says nothing, for a program may give any.
 *
 * @see proc_pid_stat(5), field 9
 */
export function isKernelWorker(pid: number, tid: number): boolean {
  const text = ifReadable(() => readFileSync(`/proc/${pid}/task/${tid}/stat`, "latin1")) ?? "";
  const flags = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[flagsField] ?? 0);
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return workerFlags.some(
    ({ flag, since }) => (flags & flag) !== 0 && (major > since[0] || (major === since[0] && minor >= since[1])),
  );
}

/** Why a thread does not stop, as far as the kernel tells, in words for a person. */
export function whyItDoesNotStop(pid: number, tid: number): string {
  if (frozenBy(pid) !== null) return "its control group is frozen";
  const state = threadStatus(pid, tid).get("State") ?? "gone";
  const of = (file: string) => read(`/proc/${pid}/task/${tid}/${file}`);
  const call = of("syscall").split(" ")[0] ?? "";
  if (state.startsWith("D") && vforkCalls.includes(call)) return "it waits for the child that it made by vfork";
  const place = of("wchan");
  return `its state is ${state}${place === "" || place === "0" ? "" : `, in ${place}`}`;
}

/**
 * Which version of control groups froze a process, as far as they are mounted where they usually are; null where it is not frozen. One that
 * version 2 froze can be traced, but makes no system call; one that version 1 froze does not even stop.
 */
export function frozenBy(pid: number): 1 | 2 | null {
  const groups = read(`/proc/${pid}/cgroup`);
  for (const line of groups.split("\n")) {
    const [, controller, path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === "" || path.includes("..")) continue;
    if (controller === "freezer" && read(`/sys/fs/cgroup/freezer${path}/freezer.state`).startsWith("FR")) return 1;
    const isFrozen = (root: string) => /^frozen 1$/m.test(read(`/sys/fs/cgroup${root}${path}/cgroup.events`));
    if (controller === "" && ["", "/unified"].some(isFrozen)) return 2;
  }
  return null;
}

function read(path: string): string {
  return ifReadable(() => readFileSync(path, "latin1")) ?? "";
}
