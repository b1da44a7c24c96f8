import type { Explanation } from "../../protocol/wire/explain.ts";
import { isPartlyApplied, type PatchRecord } from "../state/patches.ts";

type Verdict = Explanation["verdict"];

/**
 * What a person does next about a patch on this host, with the command to type; undefined where there is nothing to do.
 * @param verdict why the host has the patch or not, as `suture-agent explain` says it
 */
export function nextStep(
  patch: string,
  verdict: Verdict,
  record: Pick<PatchRecord, "state" | "partial"> | undefined,
): string | undefined {
  if (record !== undefined && isPartlyApplied(record)) {
    return "Restart the processes that are named above, or end what holds them, such as a debugger: the agent patches them by itself. `suture-agent history` has all of them.";
  }
  const say = forVerdict[verdict] ?? (record && forState[record.state]);
  return say?.(patch);
}

/** What to type so that a plan is asked for now. */
export function askForPlan(patch: string): string {
  return `\`suture-agent apply ${patch}\` asks for a plan now; without it, the agent does at its next poll.`;
}

const reboot = "Reboot this host; `suture-agent status` says afterwards whether that was enough.";

const forVerdict: Partial<Record<Verdict, (patch: string) => string>> = {
  quarantined: (patch) =>
    `Tell the vendor; \`suture-agent history\` has the evidence. To try it here again: \`suture-agent release ${patch}\`, then \`suture-agent apply ${patch}\`.`,
  "held-by-host": (patch) => `\`suture-agent release ${patch}\` ends the hold; then \`suture-agent apply ${patch}\`.`,
  apply: askForPlan,
  unknown: () => "`suture-agent status` lists the patches that this host knows.",
  "kernel-not-booted": () => reboot,
  "kernel-ended": () => reboot,
};

const forState: Partial<Record<PatchRecord["state"], (patch: string) => string>> = {
  blocked: (patch) =>
    `It is tried again by itself. Once what is in its way is gone, \`suture-agent apply ${patch}\` tries it now.`,
  failed: () =>
    "It is tried again an hour after it failed. `suture-agent history` has the evidence, and `suture-agent doctor` says what is wrong with this host.",
  stalled: (patch) =>
    `It is tried again a quarter of an hour later. End the tasks that \`suture-agent history\` names, or as root: \`suture-agent force ${patch}\`.`,
  "undo-pending": () =>
    "The undo is tried again by itself. Restarting the processes that are named above ends it at once.",
  "needs-reboot": () => reboot,
  unsupported: () => "`suture-agent doctor` says what the engine lacks on this host.",
};
