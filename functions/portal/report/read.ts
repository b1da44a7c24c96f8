import { createHash } from "node:crypto";
import type { FleetFilter } from "../../stores/fleet/lists.ts";
import type { IndexedMachine } from "../../stores/fleet/rows.ts";
import type { ReceiptsStore, StoredReceipt } from "../../stores/receipts.ts";
import { type MachineStores, type ShownReceipt, shown } from "../machines/read.ts";
import { type CountedFleet, readCounted } from "../patches/read.ts";

/** From a day's begin up to a later day's begin, in UTC; milliseconds since the epoch. */
export type Period = { from: number; until: number };
/** A receipt as the report shows it: `sha256` (hexadecimal) is of the text that the machine signed. */
export type ReportedReceipt = ShownReceipt & { sha256: string };
export type ReportedMachine = { machine: IndexedMachine; receipts: ReportedReceipt[] };
export type Report = CountedFleet & { machines: ReportedMachine[]; cursor?: string };

/** Machines on one page of the report: each is read with its receipts, and their signatures are checked. */
const perPage = 50;

/** How a fleet, or a group of it, stands now, and what was done on its machines in a period: a page of them. */
export async function readReport(
  stores: MachineStores,
  customer: string,
  { group, period, cursor }: { group: string | undefined; period: Period; cursor: string | undefined },
): Promise<Report> {
  const filter: FleetFilter = group === undefined ? {} : { group };
  const [counted, page] = await Promise.all([
    readCounted(stores, customer),
    stores.fleet.list(customer, filter, { limit: perPage, cursor }),
  ]);
  const enrolled = await stores.machines.enrolledMany(page.items.map(({ machine }) => machine));
  const known = new Map(enrolled.map((machine) => [machine.machine, machine]));
  const machines = await Promise.all(page.items.map(withReceipts));
  return { ...counted, machines, ...(page.cursor !== undefined && { cursor: page.cursor }) };

  async function withReceipts(indexed: IndexedMachine): Promise<ReportedMachine> {
    const machine = known.get(indexed.machine);
    if (machine === undefined) return { machine: indexed, receipts: [] };
    const stored = await receiptsIn(stores.receipts, indexed.machine, period);
    const receipts = stored.map(async (each) => ({ ...(await shown(each, machine)), sha256: sha256Of(each) }));
    return { machine: indexed, receipts: await Promise.all(receipts) };
  }
}

/** A machine's receipts that came in a period, the newest first. */
async function receiptsIn(store: ReceiptsStore, machine: string, { from, until }: Period): Promise<StoredReceipt[]> {
  const found: StoredReceipt[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listByMachine(machine, { limit: 100, cursor });
    found.push(...page.items.filter(({ receivedAt }) => from <= receivedAt && receivedAt < until));
    const isOlder = page.items.some(({ receivedAt }) => receivedAt < from);
    cursor = isOlder ? undefined : page.cursor;
  } while (cursor !== undefined);
  return found;
}

function sha256Of({ receipt }: StoredReceipt): string {
  return createHash("sha256").update(receipt).digest("hex");
}
