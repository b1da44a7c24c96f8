import { SutureError } from "../../../protocol/errors.ts";
import { isOpen, isPatched, type PatchStatus } from "../../domain/status.ts";
import type { FleetCounts } from "../../stores/fleet/counts.ts";
import type { FleetStore } from "../../stores/fleet.ts";
import { collect } from "../../stores/page.ts";
import type { PatchesStore, PatchRecord } from "../../stores/patches.ts";
import type { SubscriptionsStore } from "../../stores/subscriptions.ts";
import { texts } from "../texts.ts";

export type PatchStores = { patches: PatchesStore; subscriptions: SubscriptionsStore; fleet: FleetStore };

/** A patch and the customer's machines that it concerns: how many have it, how many lack it, and how many stand how. */
export type CountedPatch = {
  patch: PatchRecord;
  statuses: Partial<Record<PatchStatus, number>>;
  took: ReadonlyMap<number, number>;
  have: number;
  open: number;
};
export type CountedFleet = { counts: FleetCounts; patches: CountedPatch[] };

/** What a customer may have or has, the newest first, with the counts of its fleet. Nothing here grows with the fleet. */
export async function readCounted(stores: PatchStores, customer: string): Promise<CountedFleet> {
  const [counts, subscriptions] = await Promise.all([
    stores.fleet.counts(customer),
    collect((page) => stores.subscriptions.listByCustomer(customer, page)),
  ]);
  const lists = subscriptions.map(({ stream }) => collect((page) => stores.patches.listByStream(stream, page)));
  const subscribed = (await Promise.all(lists)).flat();
  const known = new Set(subscribed.map(({ id }) => id));
  // Held from a subscription that is over, or from before there was one
  const others = [...counts.patches.keys()].filter((id) => !known.has(id)).map((id) => stores.patches.get(id));
  const found = [...subscribed, ...(await Promise.all(others)).filter((patch) => patch !== undefined)];
  return {
    counts,
    patches: found.map((patch) => counted(patch, counts)).sort((one, other) => other.patch.liveAt - one.patch.liveAt),
  };
}

/**
 * One patch. What the customer neither subscribes to nor has is like what does not exist.
 * @throws SutureError `not-found`
 */
export async function readPatch(stores: PatchStores, customer: string, id: string): Promise<CountedPatch> {
  const [patch, counts, subscriptions] = await Promise.all([
    stores.patches.get(id),
    stores.fleet.counts(customer),
    collect((page) => stores.subscriptions.listByCustomer(customer, page)),
  ]);
  const isTheirs = counts.patches.has(id) || subscriptions.some(({ stream }) => id.startsWith(`${stream}/`));
  if (patch === undefined || !isTheirs) throw new SutureError("not-found", texts.patch.notFound);
  return counted(patch, counts);
}

function counted(patch: PatchRecord, counts: FleetCounts): CountedPatch {
  const { statuses, took } = counts.patches.get(patch.id) ?? { statuses: {}, took: new Map() };
  const sum = (holds: (status: PatchStatus) => boolean) =>
    Object.entries(statuses).reduce((total, [status, count]) => total + (holds(status as PatchStatus) ? count : 0), 0);
  return { patch, statuses, took, have: sum(isPatched), open: sum(isOpen) };
}
