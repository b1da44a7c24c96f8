import { readHost } from "../facts/host.ts";
import type { PatchRecord } from "../state/patches.ts";
import type { Session } from "../state/session.ts";

/** Why this host should be rebooted, told apart, and since when (RFC 3339). */
export type RebootVerdict = { why: "patch" | "kernel-ended" | "kernel-not-booted"; detail: string; since: string };

type Holds = NonNullable<Session["plan"]>["holds"];

/** The verdict `needs-reboot` of a host: what cannot be had before one. Null where there is no reason. */
export function rebootVerdict(records: readonly PatchRecord[], holds: Holds, host = readHost()): RebootVerdict | null {
  const { kernel, waitingKernel } = host;
  const patch = records.find(({ state }) => state === "needs-reboot");
  if (patch !== undefined) return verdict("patch", `${patch.patch}: ${patch.detail}`, patch.since);
  const ended = holds.find(({ because }) => because === "kernel-ended");
  if (ended !== undefined)
    return verdict("kernel-ended", `kernel ${kernel} gets no patches any more: install a newer one`, ended.since ?? 0);
  if (waitingKernel === undefined) return null;
  const detail = `kernel ${waitingKernel.release} is installed, and ${kernel} still runs`;
  return verdict("kernel-not-booted", detail, waitingKernel.since);
}

function verdict(why: RebootVerdict["why"], detail: string, since: number): RebootVerdict {
  return { why, detail, since: new Date(since * 1000).toISOString() };
}
