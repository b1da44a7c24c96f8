import { rolloutPolicy } from "../domain/policy.ts";
import { beginAgain, endWithPatch, newRollout } from "../domain/rollout.ts";
import type { AuditStore } from "../stores/audit.ts";
import { collect } from "../stores/page.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { PoliciesStore } from "../stores/policies.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import type { TableChange } from "../stores/streams.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import { eachApart } from "./apart.ts";
import { logPatches } from "./log-patches.ts";

type Deps = {
  subscriptions: SubscriptionsStore;
  patches: PatchesStore;
  policies: PoliciesStore;
  rollouts: RolloutsStore;
  now: number;
};

/** Customers whose rollouts are begun at the same time. */
const atOnce = 16;

/**
 * Begins and ends rollouts with their patches, and then logs what became of the patches: their stream has no place for a reader more,
 * and an entry that fails keeps no rollout.
 */
export async function followPatches(batch: readonly TableChange[], deps: Deps & { audit: AuditStore }): Promise<void> {
  await eachApart([startRollouts, logPatches], 1, (step) => step(batch, deps));
}

/**
 * Begins a rollout for each customer of a patch that went live, and for each live patch of a channel that a customer got. One that
 * was begun stays as it is, so a batch may come twice. Running rollouts end when their patch is live no more. What fails for one customer
 * keeps no other's. Machines are not counted here: there may be a million.
 */
export async function startRollouts(batch: readonly TableChange[], deps: Deps): Promise<void> {
  await eachApart(batch, 1, async ({ table, keys, newImage, oldImage }) => {
    if (table === "patches" && newImage !== undefined && newImage.state !== oldImage?.state) {
      const stream = String(keys.stream);
      const id = `${stream}/${String(keys.patch)}`;
      await eachApart(await subscribers(stream, deps), atOnce, (customer) => follow(customer, id, deps));
    }
    if (table === "subscriptions" && newImage !== undefined) {
      const all = await collect((page) => deps.patches.listByStream(String(keys.stream), page));
      const live = all.filter(({ state }) => state === "live");
      await eachApart(live, atOnce, ({ id }) => start(String(keys.customer), id, deps));
    }
  });
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
    const again = beginAgain(before, null, deps.now);
    if (again !== null) await deps.rollouts.update(again);
    return;
  }
  const policy = rolloutPolicy(await collect((page) => deps.policies.list(customer, { ...page, consistent: true })));
  await deps.rollouts.create(newRollout({ customer, patch, size: null }, policy, deps.now));
}
