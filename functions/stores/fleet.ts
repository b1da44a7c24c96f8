import type { Condition, PatchStatus } from "../domain/status.ts";
import type { Dynamo, Write } from "./dynamo.ts";
import { type CountsRow, countsOf, type FleetCounts, ofMachines, sumsOf } from "./fleet/counts.ts";
import { batchOf, type FleetFilter, listOf, matches, type NarrowRow } from "./fleet/lists.ts";
import { type FleetChange, type IndexedMachine, type Row, rowOf, toMachine } from "./fleet/rows.ts";
import { collect, type Page, type PageRequest } from "./page.ts";
import { openTable, writeTogether } from "./table.ts";
import { tables } from "./tables.ts";

/** One patch on one machine, in the list of the patch's machines. */
export type PatchMachine = { machine: string; hostname: string; status: PatchStatus; detail: string; at?: number };

type StandingRow = Omit<PatchMachine, "at"> & { ofPatch: string; ofStatus: string; at?: number };

/** A transaction takes 100 writes; one machine's row, its standings and the counts of what moved. */
const perTransaction = 90;
/** Rows that a filtered list reads at most for one page; beyond it the page is short and goes on. */
const maxRead = 4000;

export type FleetStore = ReturnType<typeof fleetStore>;

/**
 * The index that pages read: each customer's machines by name, condition, group and silence, each patch's machines by status, and the
 * counts of both, which change in one transaction with the rows (docs/adr/0037). Written by the fleet job.
 */
export function fleetStore(dynamo: Dynamo) {
  const machines = openTable<Row>(dynamo, tables.fleet);
  const standings = openTable<StandingRow>(dynamo, tables.standings);
  const counts = openTable<CountsRow>(dynamo, tables.fleetCounts);
  const sightings = openTable<Pick<Row, "machine" | "seenAt">>(dynamo, tables.machines);

  function writesOf({ before, after, leaves = false }: FleetChange): Write[] {
    const { customer, machine, hostname } = after;
    const condition =
      before === undefined
        ? { condition: "attribute_not_exists(#machine)" }
        : { condition: "#revision = :before", values: { before: before.revision } };
    const changed = Object.entries(after.standings).flatMap(([patch, standing]): Write[] => {
      const known = before?.standings[patch];
      if (known?.status === standing.status && known.at === standing.at && before?.hostname === hostname) return [];
      const { status, detail, at } = standing;
      const ofPatch = `${customer} ${patch}`;
      const row = { ofPatch, machine, ofStatus: `${ofPatch} ${status}`, hostname, status, detail };
      return [{ Put: standings.putting({ ...row, ...(at !== undefined && { at }) }) }];
    });
    const gone = Object.keys(before?.standings ?? {}).flatMap((patch) =>
      patch in after.standings ? [] : [standings.removing({ ofPatch: `${customer} ${patch}`, machine })],
    );
    const row = leaves
      ? machines.removing({ customer, machine }, condition)
      : { Put: machines.putting(rowOf(after), condition) };
    return [row, ...changed, ...gone];
  }

  /** The machines of some rows of an index, with when they were seen last, which is their own rows' to say. */
  async function whole(rows: readonly Pick<NarrowRow, "customer" | "machine">[]): Promise<IndexedMachine[]> {
    const keys = rows.map(({ customer, machine }) => ({ customer, machine }));
    const [found, seen] = await Promise.all([
      machines.getMany(keys),
      sightings.getMany(keys.map(({ machine }) => ({ machine }))),
    ]);
    const seenAt = new Map(seen.map((each) => [each.machine, each.seenAt]));
    return found.map((row) => ({ ...toMachine(row), seenAt: seenAt.get(row.machine) ?? row.seenAt }));
  }

  return {
    /** As the index has it, strongly consistent: what it was before is what counts are moved by. */
    async get(customer: string, machine: string): Promise<IndexedMachine | undefined> {
      const row = await machines.get({ customer, machine }, { consistent: true });
      return row && toMachine(row);
    },

    /** Those of some machines that the index has. */
    find: whole,

    /** Writes machines of one customer and moves the counts, at once. False where one of them was changed meanwhile. */
    move(customer: string, changes: readonly FleetChange[]): Promise<boolean> {
      const sums = sumsOf(changes);
      const updates = [...sums].flatMap(([subject, moved]) => {
        const names = [...moved].filter(([, by]) => by !== 0);
        if (names.length === 0) return [];
        return [
          counts.updating({ customer, subject }, `ADD ${names.map((_, at) => `#n${at} :n${at}`).join(", ")}`, {
            names: Object.fromEntries(names.map(([name], at) => [`n${at}`, name])),
            values: Object.fromEntries(names.map(([, by], at) => [`n${at}`, by])),
          }),
        ];
      });
      return writeTogether(dynamo, [...changes.flatMap(writesOf), ...updates]);
    },

    /** How many writes a change takes at most, of the `perTransaction` that one transaction has. */
    weightOf(change: FleetChange): number {
      return writesOf(change).length + sumsOf([change]).size;
    },
    perTransaction,

    /** By name, of one condition or exposure by group and name; or the longest silent first and the rest by name. A page may be short where two filters meet; it goes on where there is a cursor. */
    async list(
      customer: string,
      filter: FleetFilter,
      { by = "name", limit = 50, cursor }: PageRequest & { by?: "name" | "seen" } = {},
    ): Promise<Page<IndexedMachine>> {
      const place = listOf(customer, filter, by);
      const found: NarrowRow[] = [];
      let from = cursor;
      for (let read = 0; read < maxRead; ) {
        const page = await machines.query({ ...place, limit: batchOf(filter, limit), cursor: from });
        for (const row of page.items) {
          if (!matches(row, filter)) continue;
          found.push(row);
          if (found.length === limit) {
            const isLast = page.cursor === undefined && row === page.items.at(-1);
            return { items: await whole(found), ...(!isLast && { cursor: machines.cursorAfter(row, place.index) }) };
          }
        }
        read += page.items.length;
        from = page.cursor;
        if (from === undefined) break;
      }
      return { items: await whole(found), ...(from !== undefined && { cursor: from }) };
    },

    /** A patch's machines, or those of one status. */
    async machinesOf(
      customer: string,
      patch: string,
      { status, ...request }: PageRequest & { status?: PatchStatus | undefined } = {},
    ): Promise<Page<PatchMachine>> {
      const ofPatch = `${customer} ${patch}`;
      const page =
        status === undefined
          ? await standings.query({ ...request, partition: ofPatch })
          : await standings.query({ ...request, index: "byStatus", partition: `${ofPatch} ${status}` });
      return { ...page, items: page.items.map(({ ofPatch: _of, ofStatus: _status, ...rest }) => rest) };
    },

    /** How many machines of each of these customers are in a condition, which is one row a customer; those without any are left out. */
    async inCondition(condition: Condition, customers: readonly string[]): Promise<Map<string, number>> {
      const rows = await counts.getMany(customers.map((customer) => ({ customer, subject: ofMachines })));
      const found = rows.map((row) => [String(row.customer), Number(row[`condition ${condition}`] ?? 0)] as const);
      return new Map(found.filter(([, count]) => count > 0));
    },

    async counts(customer: string): Promise<FleetCounts> {
      return countsOf(await collect((page) => counts.query({ ...page, partition: customer })));
    },
  };
}
