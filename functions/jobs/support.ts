import { createHash } from "node:crypto";
import { presenceOf } from "../control.ts";
import { livenessOf } from "../domain/liveness.ts";
import { dueWarnings, type SupportWarning } from "../domain/support.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { Machine, MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { ProgressStore } from "../stores/progress.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import type { SupportStore } from "../stores/support.ts";
import type { VendorsStore } from "../stores/vendors.ts";

export type SupportDeps = {
  vendors: VendorsStore;
  support: SupportStore;
  subscriptions: SubscriptionsStore;
  machines: Pick<MachinesStore, "listByCustomer">;
  audit: AuditStore;
  progress: ProgressStore;
};
/** What is left of what one run may read. */
type Budget = { machines: number };

const who = "the support job";
/** Machines that one run reads: a function of five minutes has some two for them. */
export const machinesPerRun = 50_000;
const pageSize = 500;
/** In the place of a cursor, before the first page. */
const start = "start";

/**
 * Writes into logs what ends: 30 days before, 7 days before, and on the day. Each customer's log hears of what runs on the customer's
 * machines, and of how many; the vendor's of all, and last, so that a run that is cut off is done again. Run hourly; run twice it
 * writes nothing twice. Machines are read once for each warning, and so many in a run: a warning that concerns more goes on at the next,
 * from where it was.
 * @param now milliseconds since the epoch
 */
export async function warnOfSupport({ now, ...deps }: SupportDeps & { now: number }): Promise<{ warnings: number }> {
  let warnings = 0;
  const budget = { machines: machinesPerRun };
  for (const { vendor } of await collect((page) => deps.vendors.list(page))) {
    for (const { product, matrix } of await collect((page) => deps.support.listByVendor(vendor, page))) {
      for (const warning of dueWarnings(matrix, now / 1000)) {
        if (budget.machines <= 0) return { warnings };
        if (await warn({ vendor, product, warning }, { ...deps, budget }, now)) warnings++;
      }
    }
  }
  return { warnings };
}

type Warned = { vendor: string; product: string; warning: SupportWarning };

/** Where a warning's count is: the customer, how many of its machines were found, and how many of the customers' before. */
type Place = { customer: string; cursor?: string; found: number; before: number };

async function warn(warned: Warned, deps: SupportDeps & { budget: Budget }, now: number): Promise<boolean> {
  const { vendor, product, warning } = warned;
  const at = warning.dueAt * 1000;
  const id = createHash("sha256").update(`${product} ${warning.what} ${warning.title}`).digest("hex").slice(0, 12);
  if (await deps.audit.has(`vendor/${vendor}`, at, id)) return false;
  const until = new Date(warning.until * 1000).toISOString();
  const what = `support of ${vendor}/${product} for ${warning.title} (${warning.what}) ${warning.word}`;
  const entry = { at, who, what };
  const customers = new Set(
    (await collect((page) => deps.subscriptions.listByVendor(vendor, page)))
      .filter(({ stream }) => stream.startsWith(`${vendor}/${product}/`))
      .map(({ customer }) => customer),
  );
  const job = `support ${vendor} ${id} ${at}`;
  const { progress, revision } = await deps.progress.read(job);
  const begun = progress?.cursor === undefined ? undefined : (JSON.parse(progress.cursor) as Place);
  let total = begun?.before ?? 0;
  // In one order, so that a run knows which come after its place
  for (const customer of [...customers].sort()) {
    if (begun !== undefined && customer < begun.customer) continue;
    const from = begun?.customer === customer ? begun : { customer, found: 0, before: total };
    const { found, cursor } = await count(from, warning, deps, now);
    if (cursor !== undefined) {
      const place: Place = { customer, cursor, found, before: total };
      const startedAt = progress?.startedAt ?? now;
      await deps.progress.save(job, { of: job, cursor: JSON.stringify(place), count: total, startedAt }, revision);
      return false;
    }
    total += found;
    const after = JSON.stringify({ until, machines: found });
    if (found > 0) await deps.audit.append({ ...entry, log: `customer/${customer}`, after }, `${vendor}-${id}`);
  }
  await deps.audit.append({ ...entry, log: `vendor/${vendor}`, after: JSON.stringify({ until, machines: total }) }, id);
  return true;
}

/** Counts on which of a customer's machines run what the warning is about, as far as the budget goes. A cursor says that there are more. */
async function count(
  { customer, cursor: from, found: before }: Place,
  warning: SupportWarning,
  { machines, budget }: Pick<SupportDeps, "machines"> & { budget: Budget },
  now: number,
): Promise<{ found: number; cursor?: string }> {
  const runsIt = (machine: Machine) =>
    livenessOf(presenceOf(machine), now / 1000) !== "retired" && warning.concerns(machine.facts);
  let found = before;
  let cursor: string | undefined = from ?? start;
  while (cursor !== undefined && budget.machines > 0) {
    const page = await machines.listByCustomer(customer, {
      limit: pageSize,
      ...(cursor !== start && { cursor }),
    });
    budget.machines -= page.items.length;
    found += page.items.filter(runsIt).length;
    cursor = page.cursor;
  }
  return { found, ...(cursor !== undefined && { cursor }) };
}
