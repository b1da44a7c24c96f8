import type { OutcomeCode } from "../../protocol/wire/host.ts";
import { outcomeOf } from "./outcome.ts";

/** Machines' clocks may be off by as much as a check-in's may (docs/agent.md); milliseconds. */
const clockTolerance = 300_000;

/** The newest word on a patch on one machine. `at` in milliseconds since the epoch, by the machine's clock. */
type Word = { state: OutcomeCode; action: "apply" | "undo"; at: number };
export type RecallProgress = { state: "undone"; seconds: number } | { state: "undo-pending" };

/**
 * How far a recall has come on one machine. What the machine has not said is out counts as in: `undo-pending`, never `undone`.
 * @param recalledAt milliseconds since the epoch
 * @returns undefined where the patch was not in when it was recalled
 */
export function recallProgress(word: Word, recalledAt: number): RecallProgress | undefined {
  const outcome = outcomeOf(word);
  if (outcome === "applied" || outcome === "undoing" || word.state === "undo-pending") return { state: "undo-pending" };
  if (outcome !== "undone" || word.at < recalledAt - clockTolerance) return undefined;
  return { state: "undone", seconds: Math.max(0, Math.round((word.at - recalledAt) / 1000)) };
}

/** The last word of an operator on a vendor. A stop counts from when it is said, its end from when the signed statement is public. */
export function isStopped(
  vendor: string,
  statements: readonly { kind: string; vendor?: string; publicAt?: number }[],
): boolean {
  const said = statements.filter(
    (each) => each.vendor === vendor && (each.kind === "stop" || each.publicAt !== undefined),
  );
  return said.at(-1)?.kind === "stop";
}
