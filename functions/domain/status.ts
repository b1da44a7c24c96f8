import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import type { HostFacts, OutcomeCode } from "../../protocol/wire/host.ts";
import type { PartlyApplied } from "../../protocol/wire/partial.ts";
import type { HoldReason, PlanAction } from "../../protocol/wire/plan.ts";
import { isRefusing } from "../../protocol/wire/refusal.ts";
import { staleAfter } from "./liveness.ts";

/** What a person reads of one patch on one machine: what happened, or what the next plan does about it. */
export type PatchStatus = OutcomeCode | "partial" | "to-apply" | "to-undo" | "trouble" | "unprotected" | HoldReason;

/** What a person has to do with it. Shape and colour follow from this alone. */
export type Tone = "good" | "moving" | "attention" | "failing" | "quiet";

/** Every condition of a machine, the one that wants a person first. */
export const conditions = [
  "refusing",
  "failing",
  "cloned",
  "stalled",
  "needs-reboot",
  "attention",
  "silent",
  "moving",
  "unsupported",
  "patched",
  "idle",
] as const;
export type Condition = (typeof conditions)[number];

const tones: Record<PatchStatus, Tone> = {
  applied: "good",
  "already-applied": "good",
  partial: "attention",
  "to-apply": "moving",
  "to-undo": "moving",
  "undo-pending": "moving",
  "waiting-for-requirement": "moving",
  blocked: "attention",
  stalled: "attention",
  "needs-reboot": "attention",
  "report-only": "attention",
  failed: "failing",
  trouble: "failing",
  "failed-before": "failing",
  "stalled-before": "attention",
  "kernel-not-booted": "attention",
  "kernel-ended": "attention",
  quarantined: "failing",
  undone: "quiet",
  "not-applicable": "quiet",
  unsupported: "quiet",
  "no-variant": "quiet",
  "not-entitled": "quiet",
  cloned: "attention",
  "held-by-host": "attention",
  "held-for-everyone": "attention",
  "rollout-halted": "attention",
  unprotected: "attention",
  "vendor-stopped": "attention",
  "recall-kept": "attention",
  pinned: "attention",
  "no-seat": "attention",
  "awaiting-approval": "attention",
  "wave-not-open": "moving",
  "outside-window": "moving",
};

export const toneOf = (status: PatchStatus): Tone => tones[status];

const inOrder = Object.keys(tones);
/** Where a status stands in lists of them: ever the same, and what is well first. */
export const statusOrder = (status: PatchStatus): number => inOrder.indexOf(status);

/** The newest word on a patch: the machine's own at its last check-in, or a receipt's. `at` in milliseconds since the epoch. */
export type Known = { state: OutcomeCode; at: number; detail: string; isTroubled?: boolean; isPartial?: boolean };

/** What the newest receipt of a patch says, and what came after it; times in milliseconds since the epoch. */
type State = {
  patchId: string;
  state: OutcomeCode;
  at: number;
  detail: string;
  trouble?: { at: number; detail: string };
  partial?: PartlyApplied;
};

/** The newest word on each of a machine's patches, by patch id. Receipts arrive between check-ins, so neither source is always newer. */
export function newestKnown(held: readonly HeldPatch[], states: readonly State[]): Map<string, Known> {
  const known = new Map<string, Known>(states.map((state) => [state.patchId, knownOf(state)]));
  for (const { patch, state, since } of held) {
    const at = since * 1000;
    const receipt = known.get(patch);
    // A check-in does not say in how many processes it is: only a receipt ends that
    const isKept = receipt?.isTroubled || (receipt?.isPartial && tones[state] === "good");
    if (receipt === undefined || (receipt.at < at && !isKept)) known.set(patch, { state, at, detail: "" });
  }
  return known;
}

/** Trouble that came while it was in is the newest word, for as long as it is in. */
function knownOf({ state, at, detail, trouble, partial }: State): Known {
  if (tones[state] !== "good") return { state, at, detail };
  if (trouble === undefined) return { state, at, detail, ...(partial !== undefined && { isPartial: true }) };
  return { state, at: trouble.at, detail: trouble.detail, isTroubled: true };
}

/**
 * What to call a patch on a machine. A fact comes before an intent, save that a patch which is there and about to be undone says so,
 * and that a reboot which is due comes before a patch's absence.
 * Undefined where the patch does not concern the machine.
 */
export function patchStatus(known: Known | undefined, action: PlanAction | undefined): PatchStatus | undefined {
  const isRebootDue =
    action?.do === "hold" && (action.because === "kernel-not-booted" || action.because === "kernel-ended");
  if (isRebootDue && (known === undefined || tones[known.state] === "quiet")) return action.because;
  if (known !== undefined) {
    // Until the machine itself says that a recalled patch is out, it counts as in
    if (tones[known.state] === "good" && action?.do === "undo")
      return action.because === "recall" ? "undo-pending" : "to-undo";
    if (known.isTroubled) return "trouble";
    return known.isPartial ? "partial" : known.state;
  }
  if (action?.do === "apply") return "to-apply";
  return action?.do === "hold" ? action.because : undefined;
}

/** Whether the patch is in effect on the machine, be it on its way out. */
export function isOnHost(status: PatchStatus): boolean {
  return tones[status] === "good" || ["partial", "to-undo", "undo-pending", "trouble"].includes(status);
}

/** Whether a machine, or some process of it, lacks a patch that is for it: what the patch fixes is open there. */
export function isOpen(status: PatchStatus): boolean {
  return status === "partial" || (toneOf(status) !== "quiet" && !isOnHost(status));
}

/** Whether nothing on the machine lacks the patch. */
export function isPatched(status: PatchStatus): boolean {
  return isOnHost(status) && !isOpen(status);
}

/** Statuses that have a condition of their own, so that what to do is seen in the list of machines. */
const telling: Partial<Record<PatchStatus, Condition>> = {
  cloned: "cloned",
  blocked: "stalled",
  stalled: "stalled",
  "stalled-before": "stalled",
  "needs-reboot": "needs-reboot",
  "kernel-not-booted": "needs-reboot",
  "kernel-ended": "needs-reboot",
};

/** Whether a machine was not seen for so long that somebody should look. Milliseconds since the epoch. */
export function isSilent(seenAt: number, now: number): boolean {
  return now - seenAt > staleAfter * 1000;
}

/** What a machine's patches, its engines, its silence and what it refuses come to. Times are milliseconds since the epoch. */
export function conditionOf(
  statuses: readonly PatchStatus[],
  { seenAt, engines, refusals }: { seenAt: number } & Pick<HostFacts, "engines" | "refusals">,
  now: number,
): Condition {
  const found = new Set(statuses.flatMap(conditionsOf));
  if (isSilent(seenAt, now)) found.add("silent");
  else if (isRefusing(refusals)) found.add("refusing");
  if (engines.length > 0 && engines.every(({ supported }) => !supported)) found.add("unsupported");
  return conditions.find((condition) => found.has(condition)) ?? "idle";
}

function conditionsOf(status: PatchStatus): Condition[] {
  const tone = toneOf(status);
  if (tone === "quiet") return status === "unsupported" ? ["unsupported"] : [];
  return [telling[status] ?? (tone === "good" ? "patched" : tone)];
}
