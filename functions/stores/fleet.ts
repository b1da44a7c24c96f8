import type { Condition, PatchStatus } from "../domain/status.ts";
import type { Dynamo, Write } from "./dynamo.ts";
import { type CountsRow, countsOf, type FleetCounts, ofMachines, sumsOf } from "./fleet/counts.ts";
import { batchOf, type FleetFilter, listOf, matches, type NarrowRow } from "./fleet/lists.ts";
import { type FleetChange, fitted, type IndexedMachine, type Row, rowOf, toMachine } from "./fleet/rows.ts";
import { type FleetStep, grouped, stepsOf } from "./fleet/steps.ts";
import { collect, type Page, type PageRequest } from "./page.ts";
import { otherParts, partKey, SplitCounts, sumOfParts } from "./split-counts.ts";
import { openTable, writeTogether } from "./table.ts";
import { tables } from "./tables.ts";

/** One patch on one machine, in the list of the patch's machines. */
export type PatchMachine = { machine: string; hostname: string; status: PatchStatus; detail: string; at?: number };

type StandingRow = Omit<PatchMachine, "at"> & { ofPatch: string; ofStatus: string; at?: number };

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

  const split = new SplitCounts(async (customer) => {
    await counts.update({ customer, subject: ofMachines }, "SET #parts = :parts", { values: { parts: 1 } });
  });

  function writesOf({ before, after, hostname, patches, leaves = false }: FleetStep): Write[] {
    const { customer, machine } = after;
    const condition =
      before === undefined
        ? { condition: "attribute_not_exists(#machine)" }
        : { condition: "#revision = :before", values: { before: before.revision } };
    const ofPatches = patches.map((patch): Write => {
      const ofPatch = `${customer} ${patch}`;
      const standing = after.standings[patch];
      if (standing === undefined) return standings.removing({ ofPatch, machine });
      const { status, detail, at } = standing;
      const row = { ofPatch, machine, ofStatus: `${ofPatch} ${status}`, hostname, status, detail };
      return { Put: standings.putting({ ...row, ...(at !== undefined && { at }) }) };
    });
    const row = leaves
      ? machines.removing({ customer, machine }, condition)
      : { Put: machines.putting(rowOf(after), condition) };
    return [row, ...ofPatches];
  }

  /** Writes steps of different machines and moves the counts, at once. False where one of them was changed meanwhile. */
  function moveTogether(customer: string, steps: readonly FleetStep[]): Promise<boolean> {
    const rows = steps.flatMap(writesOf);
    const sums = [...sumsOf(steps)].map(
      ([subject, moved]) => [subject, [...moved].filter(([, by]) => by !== 0)] as const,
    );
    return writeTogether(dynamo, async (attempt) => {
      const part = await split.partFor(customer, attempt);
      const updates = sums.flatMap(([subject, names]) =>
        names.length === 0
          ? []
          : [
              counts.updating(
                { customer, subject: partKey(subject, part) },
                `ADD ${names.map((_, at) => `#n${at} :n${at}`).join(", ")}`,
                {
                  names: Object.fromEntries(names.map(([name], at) => [`n${at}`, name])),
                  values: Object.fromEntries(names.map(([, by], at) => [`n${at}`, by])),
                },
              ),
            ],
      );
      return [...rows, ...updates];
    });
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

    /**
     * Writes machines of one customer, each of them there once, and moves the counts with their rows. What is more than one transaction
     * takes is written in several, each of which leaves rows and counts that agree.
     * @returns the machines that were changed meanwhile, of which none or a part was written: they are to be looked at again
     */
    async move(customer: string, changes: readonly FleetChange[]): Promise<string[]> {
      const again: string[] = [];
      const all = changes.map((change) => stepsOf({ ...change, after: fitted(change.after) }));
      for (const group of grouped(all.flatMap((steps) => (steps.length === 1 ? steps : []))))
        if (!(await moveTogether(customer, group))) again.push(...group.map(({ after }) => after.machine));
      for (const steps of all.filter(({ length }) => length > 1)) {
        for (const step of steps) {
          if (await moveTogether(customer, [step])) continue;
          again.push(step.after.machine);
          break;
        }
      }
      return again;
    },

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
      const name = `condition ${condition}`;
      const rows = await counts.getMany(customers.map((customer) => ({ customer, subject: ofMachines })));
      const split = rows.filter(({ parts }) => parts !== undefined);
      const others = split.flatMap(({ customer }) =>
        otherParts(ofMachines).map((subject) => ({ customer: String(customer), subject })),
      );
      const all = Map.groupBy([...rows, ...(await counts.getMany(others))], ({ customer }) => String(customer));
      const found = [...all].map(([customer, of]) => [customer, Number(sumOfParts(of)[name] ?? 0)] as const);
      return new Map(found.filter(([, count]) => count > 0));
    },

    async counts(customer: string): Promise<FleetCounts> {
      return countsOf(await collect((page) => counts.query({ ...page, partition: customer })));
    },
  };
}
