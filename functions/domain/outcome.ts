import type { OutcomeCode } from "../../protocol/wire/host.ts";
import type { IncidentKind } from "../../protocol/wire/incident.ts";
import type { PartlyApplied } from "../../protocol/wire/partial.ts";

/**
 * What a patch came to on one machine, as rollouts count it (docs/states.md). `pending` is counted nowhere: the machine has not
 * tried yet, or tries again by itself.
 */
export type Outcome = "pending" | "applied" | "partial" | "failed" | "undoing" | "undone" | "skipped";
export const outcomes = ["applied", "partial", "failed", "undoing", "undone", "skipped"] as const;

const afterApply: Record<OutcomeCode, Outcome> = {
  applied: "applied",
  "already-applied": "applied",
  failed: "failed",
  quarantined: "failed",
  // It went wrong, and the way back is blocked
  "undo-pending": "failed",
  undone: "undone",
  blocked: "pending",
  stalled: "pending",
  "not-applicable": "skipped",
  unsupported: "skipped",
  "needs-reboot": "skipped",
};

/** What a machine says of a patch: its newest receipt, and the trouble that was put down to the patch while it was in. */
export type Said = {
  state: OutcomeCode;
  action: "apply" | "undo";
  trouble?: { kind: IncidentKind } | undefined;
  /** processes of the build lack it */
  partial?: PartlyApplied | undefined;
  /** whose fault it is where it is not the patch's: such a receipt says nothing of the patch */
  fault?: "service" | undefined;
};

/** What a machine refuses that the service served: the bundle that it sent is not what was signed, or is not there. */
const faultsOfService: ReadonlySet<unknown> = new Set(["bundle-mismatch", "missing-blob"]);

/** Whose fault a receipt tells of, by what the machine says that it refused. */
export function faultOf({
  action,
  evidence,
}: {
  action: string;
  evidence: { refused?: unknown };
}): "service" | undefined {
  return action === "apply" && faultsOfService.has(evidence.refused) ? "service" : undefined;
}

/**
 * The outcome that it stands for. A machine on which some process lacks the patch is neither patched nor failed: `partial`. Trouble makes a
 * failure of a patch that was applied, also once it is undone.
 */
export function outcomeOf({ state, action, trouble, partial, fault }: Said): Outcome {
  if (fault !== undefined) return "pending";
  const outcome = action === "undo" && state === "undo-pending" ? "undoing" : afterApply[state];
  const wasApplied = outcome === "applied" || outcome === "undoing" || outcome === "undone";
  if (wasApplied && trouble !== undefined) return "failed";
  return outcome === "applied" && partial !== undefined ? "partial" : outcome;
}

/** Whether the patch is in effect on the machine, be it in some processes only. */
export function isInEffect(outcome: Outcome): boolean {
  return outcome === "applied" || outcome === "partial";
}

/** Why, where the outcome is a failure. */
export function causeOf(said: Said): string {
  const withoutTrouble = outcomeOf({ state: said.state, action: said.action });
  return withoutTrouble === "failed" ? said.state : (said.trouble?.kind ?? said.state);
}

/** After an apply a machine checks in at these times, in seconds: a bad patch shows early. */
export const afterApplySeconds = [60, 300, 900, 3600] as const;
/** Two misses are a failure: the host may be gone. */
const missesAllowed = 1;

/**
 * The watch over a machine that applied a patch. `point` is the first of its times that was not looked at yet. Times are milliseconds
 * since the epoch.
 */
export type Watch = {
  appliedAt: number;
  point: number;
  misses: number;
  /** what the machine reported, which counts again once it is seen again; absent for `applied` */
  reported?: "partial";
};

/** When a watch is looked at next; null where it is over. */
export function watchDue(watch: Watch): number | null {
  return watch.point < afterApplySeconds.length ? deadlineOf(watch, nextLook(watch)) : null;
}

/**
 * Looks at a watch that is due. A machine that was seen since the point before one has kept that one.
 * @param seenAt when the machine checked in last
 */
export function lookAt(watch: Watch, seenAt: number): Watch & { silent: boolean } {
  const { appliedAt, point, reported } = watch;
  const next = nextLook(watch) + 1;
  const looked = Array.from({ length: next - point }, (_, at) => point + at);
  const missed = looked.filter((each) => seenAt <= (each === 0 ? appliedAt : deadlineOf(watch, each - 1)));
  const misses = watch.misses + missed.length;
  return { appliedAt, point: next, misses, ...(reported && { reported }), silent: misses > missesAllowed };
}

/** The point at which one more miss than is allowed can be known: a look before it would be a write that decides nothing. */
function nextLook({ point, misses }: Watch): number {
  return Math.min(point + Math.max(0, missesAllowed - misses), afterApplySeconds.length - 1);
}

/** By when a machine has checked in for a point, with the polls' spread. */
function deadlineOf({ appliedAt }: Watch, point: number): number {
  return appliedAt + ((afterApplySeconds[point] ?? 0) * 1.2 + 120) * 1000;
}
