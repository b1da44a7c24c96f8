import { readFile } from "node:fs/promises";
import { SutureError } from "../../protocol/errors.ts";

/** Bit of CAP_SYS_PTRACE in a capability set (capabilities(7)). */
const capSysPtrace = 1n << 19n;

/**
 * Asks whether this process may patch another before anything is started: as root or with CAP_SYS_PTRACE, since the sample server
 * is the agent's sibling and not its child (ptrace(2), Yama).
 * @throws SutureError `no-permission` with what to do
 */
export async function requireTracing(): Promise<void> {
  const status = await readFile("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  if ((effective & capSysPtrace) !== 0n) return;
  const scope = await readFile("/proc/sys/kernel/yama/ptrace_scope", "utf8").catch(() => "0");
  if (scope.trim() === "0") return;
  throw new SutureError(
    "no-permission",
    "This user may not trace other processes (kernel.yama.ptrace_scope is " +
      `${scope.trim()}). Run as root, or allow it until the next boot: sudo sysctl kernel.yama.ptrace_scope=0`,
  );
}
