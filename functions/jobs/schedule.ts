import { z } from "zod";
import type { Signer } from "../../protocol/trust/signer.ts";
import { longestOfflinePlan } from "../../protocol/wire/offline.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import { collect } from "../stores/page.ts";
import type { RolesStore } from "../stores/roles.ts";
import type { VendorsStore } from "../stores/vendors.ts";
import { duePlanKey, knownPlanKeys, publicPlanKeys, StoredPlanKey, urgentPlanKey } from "./plan-keys.ts";
import type { PublishQueue } from "./queue.ts";
import { announceOfflinePlanKeys, announcePlanKeys, serviceRepository } from "./service-repository.ts";

export type ScheduleDeps = {
  roles: RolesStore;
  vendors: VendorsStore;
  blobs: Blobs;
  queue: PublishQueue;
  /** signs the service's role `plan-keys` */
  planKeysSigner: Signer;
  /** the secret with the plan keys: JSON, an array, empty at first */
  planKeys: { read(): Promise<string>; write(text: string): Promise<void> };
  /** likewise, with the keys of offline plans */
  offlinePlanKeys: { read(): Promise<string>; write(text: string): Promise<void> };
  /** milliseconds since the epoch */
  now: () => number;
};

/**
 * Does what time alone makes due: makes and announces plan keys, and asks for every repository to be looked at, which the publish
 * job signs again where it must. Running it twice changes nothing. Before the service's repository is founded there is nothing to do
 * with plan keys.
 * @param options `replacePlanKeys`: one that may be stolen is announced no more, and another signs from now on
 * @throws whatever the stores, the signer and the queue throw
 */
export async function runSchedule(deps: ScheduleDeps, { replacePlanKeys = false } = {}): Promise<void> {
  if ((await deps.roles.get(serviceRepository, "targets")) !== undefined) await renewPlanKeys(deps, replacePlanKeys);
  const vendors = await collect((page) => deps.vendors.list(page));
  for (const repository of [serviceRepository, ...vendors.map(({ vendor }) => vendor)]) {
    await deps.queue.send({ repository });
  }
}

async function renewPlanKeys(deps: ScheduleDeps, replace: boolean): Promise<void> {
  const now = Math.floor(deps.now() / 1000);
  const signers = { planKeys: deps.planKeysSigner };
  await announcePlanKeys(publicPlanKeys(await renewed(deps.planKeys, now, replace)), signers, deps);
  const offline = await renewed(deps.offlinePlanKeys, now, replace, longestOfflinePlan);
  await announceOfflinePlanKeys(publicPlanKeys(offline), signers, deps);
}

/** The keys of one kind that agents must know, the one that was due among them. */
async function renewed(secret: ScheduleDeps["planKeys"], now: number, replace: boolean, longest?: number) {
  const before = parseJson(z.array(StoredPlanKey), await secret.read(), "plan keys", "state-damaged");
  const due = replace ? await urgentPlanKey(now) : await duePlanKey(before, now);
  const kept = replace ? [] : before;
  const keys = knownPlanKeys(due === undefined ? kept : [...kept, due], now, longest);
  // The secret first: a key that was announced and lost would never sign
  if (due !== undefined) await secret.write(JSON.stringify(keys));
  return keys;
}
