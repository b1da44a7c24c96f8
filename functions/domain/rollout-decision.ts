import { SutureError } from "../../protocol/errors.ts";
import type { RolloutDecision } from "../../protocol/wire/rollout.ts";
import { abort, approve, type Change, halt, note, openWave, type Rollout, resume } from "./rollout.ts";

export type { Rollout } from "./rollout.ts";

/**
 * A rollout after a person's decision. Where that opens a wave, the gates count its machines.
 * @throws SutureError `conflict` where the rollout is not in a state for it
 */
export function decided(rollout: Rollout, decision: RolloutDecision, change: Change): Rollout {
  const said = { ...change, detail: decision.note ?? "" };
  const { state } = rollout;
  switch (decision.do) {
    case "note":
      return note(rollout, said);
    case "approve":
      only(state === "running", "approved");
      return approve(rollout, said);
    case "halt":
      only(state === "running" || state === "done", "halted");
      return { ...halt(rollout, said), ...(decision.undo !== undefined && { undo: decision.undo }) };
    case "resume":
      only(state === "halted", "resumed");
      return resume(rollout, said);
    case "skip":
      only(state === "running" && rollout.wave + 1 < rollout.waves.length, "skipped ahead in");
      return openWave(rollout, null, said, "skipped");
    case "abort":
      only(state !== "aborted", "aborted");
      return abort(rollout, decision.undo ?? (rollout.undo || rollout.onHalt === "undo"), said);
  }

  function only(isPossible: boolean, done: string): void {
    if (isPossible) return;
    const where = `${state}, in wave ${rollout.wave + 1} of ${rollout.waves.length}`;
    throw new SutureError("conflict", `The rollout is ${where}: it cannot be ${done}`);
  }
}
