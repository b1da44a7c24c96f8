import { countOutcomes } from "../../functions/jobs/aggregates.ts";
import { gate, runGates } from "../../functions/jobs/rollout-gates.ts";
import { countSize } from "../../functions/jobs/rollout-size.ts";
import { startRollouts } from "../../functions/jobs/rollout-starts.ts";
import type { TableChange } from "../../functions/stores/streams.ts";
import type { Stores } from "../../infra/local/stores.ts";

/**
 * The jobs that roll patches out, as they run for one machine. What a run does for all machines of a customer at once is done by
 * `shared` and is nobody's; what it does for each machine, by `counted`.
 */
export function rolloutJobs(shared: Stores, counted: Stores) {
  const outcomes: Stores["outcomes"] = {
    ...counted.outcomes,
    due: (now) => shared.outcomes.due(now),
    // The run of a minute ago; that those between the machine's own moments are left out would be an outage
    looked: (now) => Promise.resolve(now - 60_000),
  };
  const gates = { ...shared, machines: counted.machines, outcomes };
  return {
    /** A patch went live. */
    async begin(publication: TableChange): Promise<void> {
      await startRollouts([publication], { ...gates, now: publication.at });
      const { items } = await shared.rollouts.listRunning();
      for (const rollout of items) await countSize(rollout, 1, { ...gates, now: () => publication.at });
    },

    /** The machine has reported: few machines of a customer do so in the same second, so that each is a batch. */
    async count(machine: string, patch: string, now: number): Promise<void> {
      const { items } = await shared.states.listByMachine(machine);
      const batch = items.flatMap((state): TableChange[] =>
        state.patchId === patch
          ? [{ id: patch, at: now, table: "states", keys: { machine, patchId: patch }, newImage: state }]
          : [],
      );
      const rollouts = items.filter(({ patchId }) => patchId === patch);
      await countOutcomes(batch, { outcomes, rollouts: counted.rollouts, now });
      for (const { customer } of rollouts) await gate({ customer, patch }, { ...gates, now });
    },

    /** The minute's run. */
    async look(now: number): Promise<void> {
      await runGates({ ...gates, now });
    },
  };
}
