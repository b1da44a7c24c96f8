import { effectiveCapabilities, ptraceScope } from "../../system/proc.ts";
import { canTrace } from "../../system/ptrace.ts";

/** CAP_SYS_PTRACE of capabilities(7). */
const capSysPtrace = 1n << 19n;

/** Why this host cannot have the engine, with what to do about it; empty where it can. */
export function whyUnsupported(): string {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `the elf engine works on x86-64 Linux; this is ${process.arch} ${process.platform}`;
  }
  if (!canTrace()) return "ptrace(2) is forbidden here: in a container, add the capability SYS_PTRACE";
  const scope = ptraceScope();
  if (scope >= 3) return "kernel.yama.ptrace_scope is 3, which forbids tracing until the next boot";
  const mayTraceOthers = (effectiveCapabilities() & capSysPtrace) !== 0n;
  if (scope >= 1 && !mayTraceOthers) {
    return "kernel.yama.ptrace_scope forbids tracing: run as root, or run `sudo sysctl kernel.yama.ptrace_scope=0`";
  }
  return "";
}
