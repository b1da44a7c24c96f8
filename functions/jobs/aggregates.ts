import { outcomeOf } from "../domain/outcome.ts";
import type { OutcomesStore, Reported, RolloutRef } from "../stores/outcomes.ts";
import type { PatchState } from "../stores/states.ts";
import type { TableChange } from "../stores/streams.ts";

/**
 * Counts what machines came to, from the stream of their states. A batch may come twice or late: only a machine's newest receipt
 * counts, whatever the order.
 * @param now milliseconds since the epoch
 * @returns the rollouts whose counts may have moved
 */
export async function countOutcomes(
  batch: readonly TableChange[],
  { outcomes, now }: { outcomes: OutcomesStore; now: number },
): Promise<RolloutRef[]> {
  // What this service's own store wrote, so it has that store's shape
  const states = batch.flatMap(({ table, newImage }) =>
    table === "states" && newImage !== undefined ? [newImage as unknown as PatchState] : [],
  );
  const rollouts = Map.groupBy(states, ({ customer, patchId }) => `${customer} ${patchId}`);
  const moved: RolloutRef[] = [];
  for (const [key, group] of rollouts) {
    const [customer = "", patch = ""] = key.split(" ");
    await outcomes.record({ customer, patch }, group.map(reportedOf), now);
    moved.push({ customer, patch });
  }
  return moved;
}

function reportedOf({ machine, receipt, state, action }: PatchState): Reported {
  return { machine, receipt, outcome: outcomeOf({ state, action }), cause: state };
}
