import { rolloutPolicy } from "../domain/policy.ts";
import { newRollout } from "../domain/rollout.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { PoliciesStore } from "../stores/policies.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import type { TableChange } from "../stores/streams.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import { rolloutSize } from "./rollout-size.ts";

type Deps = {
  subscriptions: SubscriptionsStore;
  patches: PatchesStore;
  machines: MachinesStore;
  policies: PoliciesStore;
  rollouts: RolloutsStore;
  now: number;
};

/**
 * Begins a rollout for each customer of a patch that went live, and for each live patch of a channel that a customer got. One that
 * was begun stays as it is, so a batch may come twice.
 */
export async function startRollouts(batch: readonly TableChange[], deps: Deps): Promise<void> {
  for (const { table, keys, newImage, oldImage } of batch) {
    if (table === "patches" && newImage?.state === "live" && oldImage?.state !== "live") {
      const stream = String(keys.stream);
      const vendor = stream.slice(0, stream.indexOf("/"));
      const all = await collect((page) => deps.subscriptions.listByVendor(vendor, page));
      for (const subscription of all.filter((each) => each.stream === stream))
        await start(subscription.customer, `${stream}/${String(keys.patch)}`, deps);
    }
    if (table === "subscriptions" && newImage !== undefined) {
      const live = await collect((page) => deps.patches.listByStream(String(keys.stream), page));
      for (const { id, state } of live) if (state === "live") await start(String(keys.customer), id, deps);
    }
  }
}

async function start(customer: string, patch: string, deps: Deps): Promise<void> {
  if ((await deps.rollouts.get(customer, patch)) !== undefined) return;
  const policy = rolloutPolicy(await collect((page) => deps.policies.list(customer, { ...page, consistent: true })));
  const size = await rolloutSize({ customer, patch, waves: policy.waves, wave: 0 }, deps);
  await deps.rollouts.create(newRollout({ customer, patch, size }, policy, deps.now));
}
