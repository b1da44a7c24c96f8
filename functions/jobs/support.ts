import { createHash } from "node:crypto";
import { presenceOf } from "../control.ts";
import { livenessOf } from "../domain/liveness.ts";
import { dueWarnings, type SupportWarning } from "../domain/support.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { Machine, MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import type { SupportStore } from "../stores/support.ts";
import type { VendorsStore } from "../stores/vendors.ts";

export type SupportDeps = {
  vendors: VendorsStore;
  support: SupportStore;
  subscriptions: SubscriptionsStore;
  machines: MachinesStore;
  audit: AuditStore;
};

const who = "the support job";

/**
 * Writes into logs what ends: 30 days before, 7 days before, and on the day. Each customer's log hears of what runs on the customer's
 * machines, and of how many; the vendor's of all, and last, so that a run that is cut off is done again. Run hourly; run twice it
 * writes nothing twice. Machines are read once for each warning.
 * @param now milliseconds since the epoch
 */
export async function warnOfSupport({ now, ...deps }: SupportDeps & { now: number }): Promise<{ warnings: number }> {
  let warnings = 0;
  for (const { vendor } of await collect((page) => deps.vendors.list(page))) {
    for (const { product, matrix } of await collect((page) => deps.support.listByVendor(vendor, page))) {
      for (const warning of dueWarnings(matrix, now / 1000)) {
        if (await warn({ vendor, product, warning }, deps, now)) warnings++;
      }
    }
  }
  return { warnings };
}

type Warned = { vendor: string; product: string; warning: SupportWarning };

async function warn(warned: Warned, deps: SupportDeps, now: number): Promise<boolean> {
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
  let total = 0;
  for (const customer of customers) {
    const machines = await count(customer, warning, deps.machines, now);
    total += machines;
    const after = JSON.stringify({ until, machines });
    if (machines > 0) await deps.audit.append({ ...entry, log: `customer/${customer}`, after }, `${vendor}-${id}`);
  }
  await deps.audit.append({ ...entry, log: `vendor/${vendor}`, after: JSON.stringify({ until, machines: total }) }, id);
  return true;
}

/** How many of a customer's machines run what the warning is about. */
async function count(customer: string, warning: SupportWarning, machines: MachinesStore, now: number): Promise<number> {
  const runsIt = (machine: Machine) =>
    livenessOf(presenceOf(machine), now / 1000) !== "retired" && warning.concerns(machine.facts);
  let found = 0;
  let cursor: string | undefined;
  do {
    const page = await machines.listByCustomer(customer, { limit: 1000, cursor });
    found += page.items.filter(runsIt).length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}
