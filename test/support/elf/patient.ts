import { setTimeout as sleep } from "node:timers/promises";
import type { Engine, Outcome } from "../../../agent/engines/engine.ts";

const patienceMillis = 30_000;
const machineWasBusy = /does not stop|does not begin|does not return/;

/**
 * An engine that tries again where the machine was too busy to stop a thread in time, which is the load's doing and not the
 * target's. An agent does the same at its next turn.
 */
export function patient(engine: Engine): Engine {
  return {
    ...engine,
    apply: (patch) => insist(() => engine.apply(patch), toldBusy),
    undo: (patchId, builds) => insist(() => engine.undo(patchId, builds), toldBusy),
    recover: () =>
      insist(
        () => engine.recover(),
        (outcomes) => outcomes.some(toldBusy),
      ),
  };
}

async function insist<T>(work: () => Promise<T>, isBusy: (result: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + patienceMillis; ; await sleep(100)) {
    const result = await work();
    if (!isBusy(result) || Date.now() > deadline) return result;
  }
}

function toldBusy(outcome: Outcome): boolean {
  const isPutOff = outcome.code === "blocked" || outcome.code === "undo-pending";
  return isPutOff && machineWasBusy.test(JSON.stringify(outcome));
}
