import { readFileSync } from "node:fs";
import { ifPresent } from "../../system/proc.ts";
import { readRanges } from "../../system/remote-memory.ts";

const credentialLines = /^(?:Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):.*$/gm;

/** Who a thread is to the kernel: users, groups and capabilities, as text to compare; null where the thread is gone. */
export function credentialsOf(pid: number, tid: number): string | null {
  const text = ifPresent(() => readFileSync(`/proc/${pid}/task/${tid}/status`, "latin1"));
  return text?.match(credentialLines)?.join("\n") ?? null;
}

/**
 * Whether a stopped thread has the very memory that bytes were just written to through a handle: that of the program that was examined.
 * A handle goes on meaning that memory after its process has become another program, a privileged one perhaps, as long as another process
 * shares it. `bytes` must hold something that nobody could have foreseen.
 *
 * @see proc_pid_mem(5); execve(2)
 */
export function seesBytes(tid: number, address: number, bytes: Buffer): boolean {
  const seen = Buffer.alloc(bytes.length);
  return readRanges(tid, [{ start: address, size: bytes.length }], seen) && seen.equals(bytes);
}
