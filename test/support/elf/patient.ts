import { setTimeout as sleep } from "node:timers/promises";
import type { Engine, Outcome } from "../../../agent/engines/engine.ts";

const patienceMillis = 30_000;
const machineWasBusy = /does not stop|could be borrowed|does not come back/;

/**
 * An engine that tries again where the machine was too busy to stop a thread in time, which is the load's doing and not the
 * target's. An agent does the same at its next turn.
 */
export function patient(engine: Engine): Engine {
  return {
    ...engine,
    apply: (patch) => insist(() => engine.apply(patch)),
    undo: (patchId) => insist(() => engine.undo(patchId)),
  };
}

async function insist(work: () => Promise<Outcome>): Promise<Outcome> {
  for (const deadline = Date.now() + patienceMillis; ; await sleep(100)) {
    const outcome = await work();
    if (!machineWasBusy.test(JSON.stringify(outcome)) || isDone(outcome) || Date.now() > deadline) return outcome;
  }
}

function isDone({ code }: Outcome): boolean {
  return code !== "blocked" && code !== "undo-pending";
}
