import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { readHost } from "../facts/host.ts";
import { whyOff } from "../patches/off.ts";
import { freeBytes, inMebibytes, mebibyte } from "../system/disk.ts";
import { othersMay } from "../system/ownership.ts";
import { effectiveCapabilities, isSystemError } from "../system/proc.ts";
import type { Check } from "./check.ts";

const needed = 600 * mebibyte;

/** Whether the state directory is this user's alone, and can be written to. */
export function stateCheck(state: string): Check {
  const name = "state";
  if (!existsSync(state)) return { name, ok: true, detail: `${state} will be made by enroll` };
  const status = statSync(state);
  if (othersMay(status) !== 0)
    return { name, ok: false, detail: `${state} can be read by others`, mend: `chmod 700 ${state}` };
  if (process.getuid !== undefined && status.uid !== process.getuid())
    return { name, ok: false, detail: `${state} belongs to user ${status.uid}`, mend: "Run as that user." };
  try {
    accessSync(state, constants.W_OK);
  } catch (error) {
    if (!isSystemError(error, "EROFS", "EACCES")) throw error;
    const mend = "Put it on a file system that can be written to: --state DIR, or `state` in agent.toml.";
    return { name, ok: false, detail: `${state} cannot be written to`, mend };
  }
  return { name, ok: true, detail: `${state} is for its owner only` };
}

/** Whether there is room for payloads and what is verified. */
export function diskCheck(state: string): Check {
  let folder = state;
  while (!existsSync(folder)) folder = dirname(folder);
  const free = freeBytes(folder);
  const detail = `${inMebibytes(free)} free in ${folder}`;
  return free >= needed
    ? { name: "disk", ok: true, detail }
    : { name: "disk", ok: false, detail, mend: `Make room: ${inMebibytes(needed)} are wanted.` };
}

/** What this process may do, by its capabilities: tracing is needed for programs, the others for the kernel and for hearing of starts. */
export function permissionChecks(): Check[] {
  if (process.platform !== "linux") return [];
  const held = effectiveCapabilities();
  const may = (bit: number) => (held >> BigInt(bit)) % 2n === 1n;
  const missing = capabilities.filter(({ bit }) => !may(bit));
  if (missing.length === 0)
    return [{ name: "permissions", ok: true, detail: "may trace, load modules, and hear of processes" }];
  return missing.map(({ name, without, optional }) => ({
    name: "permissions",
    ok: false,
    detail: `without ${name}: ${without}`,
    mend: "Run as root, as the service does; in a container: --privileged --pid=host.",
    optional,
  }));
}

/** @see capabilities(7), linux/capability.h */
const capabilities = [
  { bit: 19, name: "CAP_SYS_PTRACE", without: "no program can be patched", optional: false },
  { bit: 16, name: "CAP_SYS_MODULE", without: "the kernel cannot be patched", optional: true },
  { bit: 12, name: "CAP_NET_ADMIN", without: "new processes are looked for, not heard of", optional: true },
];

/** Whether the running kernel is the installed one. */
export function kernelCheck(): Check {
  const { kernel, waitingKernel } = readHost();
  if (waitingKernel === undefined) return { name: "kernel", ok: true, detail: kernel };
  const mend = "Patches for it come once it runs: reboot when that suits.";
  return {
    name: "kernel",
    ok: false,
    optional: true,
    detail: `${kernel} runs, ${waitingKernel.release} is installed`,
    mend,
  };
}

/** Whether somebody switched the agent off. */
export function offCheck(state: string): Check {
  const off = whyOff(state);
  if (off === undefined) return { name: "switched on", ok: true, detail: "nothing switches it off" };
  const mend = "Remove it, or boot without it, when patches are wanted again.";
  return { name: "switched on", ok: false, detail: off, mend };
}
