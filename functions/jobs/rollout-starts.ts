import { rolloutPolicy } from "../domain/policy.ts";
import { beginAgain, endWithPatch, newRollout } from "../domain/rollout.ts";
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
 * was begun stays as it is, so a batch may come twice. Running rollouts end when their patch is live no more.
 */
export async function startRollouts(batch: readonly TableChange[], deps: Deps): Promise<void> {
  for (const { table, keys, newImage, oldImage } of batch) {
    if (table === "patches" && newImage !== undefined && newImage.state !== oldImage?.state) {
      const stream = String(keys.stream);
      const id = `${stream}/${String(keys.patch)}`;
      for (const customer of await subscribers(stream, deps)) await follow(customer, id, deps);
    }
    if (table === "subscriptions" && newImage !== undefined) {
      const live = await collect((page) => deps.patches.listByStream(String(keys.stream), page));
      for (const { id, state } of live) if (state === "live") await start(String(keys.customer), id, deps);
    }
  }
}

async function subscribers(stream: string, { subscriptions }: Deps): Promise<string[]> {
  const vendor = stream.slice(0, stream.indexOf("/"));
  const all = await collect((page) => subscriptions.listByVendor(vendor, page));
  return all.filter((each) => each.stream === stream).map(({ customer }) => customer);
}

/** By what the patch is now: of a batch that comes late, it may be another thing than the batch says. */
async function follow(customer: string, patch: string, deps: Deps): Promise<void> {
  const state = (await deps.patches.get(patch, { consistent: true }))?.state;
  if (state === undefined) return;
  if (state === "live") return await start(customer, patch, deps);
  const rollout = await deps.rollouts.get(customer, patch);
  if (rollout?.state === "running") await deps.rollouts.update(endWithPatch(rollout, deps.now, state));
}

async function start(customer: string, patch: string, deps: Deps): Promise<void> {
  const before = await deps.rollouts.get(customer, patch);
  if (before !== undefined) {
    if (before.state !== "aborted") return;
    const size = await rolloutSize({ ...before, wave: 0 }, deps);
    const again = beginAgain(before, size, deps.now);
    if (again !== null) await deps.rollouts.update(again);
    return;
  }
  const policy = rolloutPolicy(await collect((page) => deps.policies.list(customer, { ...page, consistent: true })));
  const size = await rolloutSize({ customer, patch, waves: policy.waves, wave: 0 }, deps);
  await deps.rollouts.create(newRollout({ customer, patch, size }, policy, deps.now));
}
