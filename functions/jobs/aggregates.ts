import { causeOf, outcomeOf } from "../domain/outcome.ts";
import type { OutcomesStore, Reported } from "../stores/outcomes.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import { type PatchState, toPatchState } from "../stores/states.ts";
import type { TableChange } from "../stores/streams.ts";
import { eachApart } from "./apart.ts";

/** Rollouts that are counted at the same time. */
const atOnce = 8;

/**
 * Counts what machines came to, from the stream of their states. A batch may come twice or late: only a machine's newest word
 * counts, whatever the order.
 * @param now milliseconds since the epoch
 */
export async function countOutcomes(
  batch: readonly TableChange[],
  { outcomes, rollouts, now }: { outcomes: OutcomesStore; rollouts: RolloutsStore; now: number },
): Promise<void> {
  // What this service's own store wrote, so it has that store's shape
  const states = batch.flatMap(({ table, newImage }) =>
    table === "states" && newImage !== undefined ? [toPatchState(newImage as unknown as PatchState)] : [],
  );
  const groups = Map.groupBy(states, ({ customer, patchId }) => `${customer} ${patchId}`);
  await eachApart([...groups], atOnce, async ([key, group]) => {
    const [customer = "", patch = ""] = key.split(" ");
    const phase = (await rollouts.get(customer, patch))?.phase ?? 0;
    await outcomes.record({ customer, patch }, group.map(reportedOf), { now, phase });
  });
}

function reportedOf(state: PatchState): Reported {
  const { machine, receipt, trouble } = state;
  return { machine, receipt, incident: trouble?.sequence ?? 0, outcome: outcomeOf(state), cause: causeOf(state) };
}
