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
  return byVerdict(patch, verdict) ?? (record && byState(patch, record.state));
}

/** What to type so that a plan is asked for now. */
export function askForPlan(patch: string): string {
  return `\`suture-agent apply ${patch}\` asks for a plan now; without it, the agent does at its next poll.`;
}

function byVerdict(patch: string, verdict: Verdict): string | undefined {
  switch (verdict) {
    case "quarantined":
      return `Tell the vendor; \`suture-agent history\` has the evidence. To try it here again: \`suture-agent release ${patch}\`, then \`suture-agent apply ${patch}\`.`;
    case "held-by-host":
      return `\`suture-agent release ${patch}\` ends the hold; then \`suture-agent apply ${patch}\`.`;
    case "apply":
      return askForPlan(patch);
    case "unknown":
      return `\`suture-agent status\` lists the patches that this host knows.`;
    case "kernel-not-booted":
    case "kernel-ended":
      return "Reboot this host; `suture-agent status` says afterwards whether that was enough.";
    default:
      return undefined;
  }
}

function byState(patch: string, state: PatchRecord["state"]): string | undefined {
  switch (state) {
    case "blocked":
      return `It is tried again by itself. Once what is in its way is gone, \`suture-agent apply ${patch}\` tries it now.`;
    case "failed":
      return `It is tried again an hour after it failed. \`suture-agent history\` has the evidence, and \`suture-agent doctor\` what is wrong with this host.`;
    case "stalled":
      return `It is tried again a quarter of an hour later. End the tasks that \`suture-agent history\` names, or as root: \`suture-agent force ${patch}\`.`;
    case "undo-pending":
      return "The undo is tried again by itself. Restarting the processes that are named above ends it at once.";
    case "needs-reboot":
      return "Reboot this host; `suture-agent status` says afterwards whether that was enough.";
    case "unsupported":
      return "`suture-agent doctor` says what the engine lacks on this host.";
    default:
      return undefined;
  }
}
