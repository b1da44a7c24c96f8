import type { VendorApiDeps } from "./deps.ts";

type Deps = Pick<VendorApiDeps, "progress" | "now"> & {
  machines: Pick<VendorApiDeps["machines"], "listByCustomer">;
  receipts: Pick<VendorApiDeps["receipts"], "listByMachine">;
};

/** Machines that are read for one plan: it is made within a request. */
export const machinesPerPlan = 5_000;
const pageSize = 500;

/**
 * The newest receipt that is known of each machine of a group; undefined where it has no machines. Of a customer with very many, each plan
 * has the next of them, from where the last one ended: a host that is not named carries its receipts once more.
 */
export async function acknowledgedIn(
  customer: string,
  group: string,
  { machines, receipts, progress: kept, now }: Deps,
): Promise<Record<string, number> | undefined> {
  const job = `offline plan ${customer} ${group}`;
  const { progress, revision } = await kept.read(job);
  const from = progress?.cursor;
  const found: Record<string, number> = {};
  let isEmpty = true;
  let cursor = from;
  let read = 0;
  do {
    const page = await machines.listByCustomer(customer, { limit: pageSize, cursor });
    const ofGroup = page.items.filter((machine) => machine.group === group);
    isEmpty &&= ofGroup.length === 0;
    const newest = await Promise.all(ofGroup.map(({ machine }) => newestReceipt(machine, receipts)));
    for (const each of newest) if (each !== undefined) found[each[0]] = each[1];
    read += page.items.length;
    ({ cursor } = page);
  } while (cursor !== undefined && read < machinesPerPlan);
  const isWhole = from === undefined && cursor === undefined;
  if (!isWhole) {
    const startedAt = now().getTime();
    await kept.save(job, { of: job, count: 0, startedAt, ...(cursor !== undefined && { cursor }) }, revision);
  }
  return isEmpty && isWhole ? undefined : found;
}

/** A file that is carried here has all that was not acknowledged before, so the newest one stands for those before it. */
async function newestReceipt(machine: string, receipts: Deps["receipts"]): Promise<[string, number] | undefined> {
  const { items } = await receipts.listByMachine(machine, { limit: 1 });
  return items[0] && [machine, items[0].sequence];
}
