import type { PatchDetail } from "../../protocol/wire/vendor.ts";
import { outcomes } from "../domain/outcome.ts";
import type { OutcomesStore } from "../stores/outcomes.ts";
import { collect } from "../stores/page.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";

type Deps = { subscriptions: SubscriptionsStore; rollouts: RolloutsStore; outcomes: OutcomesStore };

/**
 * How far a patch has come among those who subscribe to its channel: their rollouts by state, and machines by what became of it.
 * Sums only: whose machines they are is the customers' own. Two reads for each subscriber.
 * @param id `vendor/product/channel/patch@version`
 */
export async function adoptionOf(id: string, deps: Deps): Promise<PatchDetail["adoption"]> {
  const stream = id.slice(0, id.lastIndexOf("/"));
  const vendor = id.slice(0, id.indexOf("/"));
  const subscriptions = await collect((page) => deps.subscriptions.listByVendor(vendor, page));
  const customers = subscriptions.filter((each) => each.stream === stream).map(({ customer }) => customer);
  const adoption: PatchDetail["adoption"] = {
    customers: customers.length,
    rollouts: { running: 0, halted: 0, aborted: 0, done: 0 },
    machines: { applied: 0, partial: 0, failed: 0, undoing: 0, undone: 0, skipped: 0 },
  };
  const found = customers.map(async (customer) => {
    const ref = { customer, patch: id };
    return await Promise.all([deps.rollouts.get(customer, id), deps.outcomes.counts(ref)]);
  });
  for (const [rollout, counts] of await Promise.all(found)) {
    if (rollout !== undefined) adoption.rollouts[rollout.state] += 1;
    for (const outcome of outcomes) adoption.machines[outcome] += counts[outcome];
  }
  return adoption;
}
