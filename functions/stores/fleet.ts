import { type Condition, isOpen, type PatchStatus } from "../domain/status.ts";
import { tookBucket } from "../domain/took.ts";
import type { Dynamo, Write } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable, writeTogether } from "./table.ts";
import { tables } from "./tables.ts";

export const severities = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof severities)[number];

/** One patch on a machine, as the fleet's index keeps it. `at` in milliseconds since the epoch. */
type IndexedStanding = { status: PatchStatus; severity: Severity; detail: string; at?: number };
/** A machine as lists show it: how it stood when the fleet job looked at it last. */
export type IndexedMachine = {
  customer: string;
  machine: string;
  hostname: string;
  group: string;
  os: string;
  kernel: string;
  condition: Condition;
  /** by patch id */
  standings: Record<string, IndexedStanding>;
  /** whether it had not been seen for too long */
  isSilent: boolean;
  /** milliseconds since the epoch */
  seenAt: number;
  /** counts the writes: of two at once one wins */
  revision: number;
};
/**
 * What changed of one machine; `took` are patches that got in, and after how long (milliseconds). One that `leaves` is not part of the
 * fleet any more: `after` is what it was, without standings.
 */
export type FleetChange = {
  before: IndexedMachine | undefined;
  after: IndexedMachine;
  leaves?: boolean;
  took: readonly { patch: string; millis: number }[];
};
/** What narrows a list of machines; what is left out does not. `begins` is the begin of a host name. */
export type FleetFilter = { condition?: Condition; exposed?: Severity; group?: string; begins?: string };
/** One patch on one machine, in the list of the patch's machines. */
export type PatchMachine = { machine: string; hostname: string; status: PatchStatus; detail: string; at?: number };

/**
 * How many machines there are: of each condition, exposed by their worst open patch, in each group; and of each patch by status,
 * with how long it took to get in (`tookBucket`).
 */
export type FleetCounts = {
  conditions: Partial<Record<Condition, number>>;
  exposed: Partial<Record<Severity, number>>;
  groups: Record<string, number>;
  patches: ReadonlyMap<string, { statuses: Partial<Record<PatchStatus, number>>; took: ReadonlyMap<number, number> }>;
};

type Row = Omit<IndexedMachine, "standings"> & {
  standings: string;
  exposure?: Severity;
  name: string;
  groupName: string;
  seen: string;
  ofCondition: string;
  ofGroup: string;
  ofExposure?: string;
};
/** What the indexes carry: enough to narrow a list. */
type NarrowRow = Pick<Row, "customer" | "machine" | "condition" | "group" | "exposure">;
type StandingRow = Omit<PatchMachine, "at"> & { ofPatch: string; ofStatus: string; at?: number };
type CountsRow = Record<string, string | number>;

/** A transaction takes 100 writes; one machine's row, its standings and the counts of what moved. */
const perTransaction = 90;
/** Rows that a filtered list reads at most for one page; beyond it the page is short and goes on. */
const maxRead = 4000;
const ofMachines = "machines";

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
      const rows: CountsRow[] = [];
      let cursor: string | undefined;
      do {
        const page = await counts.query({ partition: customer, limit: 1000, cursor });
        rows.push(...page.items);
        cursor = page.cursor;
      } while (cursor !== undefined);
      const total = rows.find(({ subject }) => subject === ofMachines) ?? {};
      return {
        conditions: withPrefix(total, "condition "),
        exposed: withPrefix(total, "exposed "),
        groups: withPrefix(total, "group ") as Record<string, number>,
        patches: new Map(
          rows.flatMap((row) => (row.subject === ofMachines ? [] : [[String(row.subject), patchCounts(row)] as const])),
        ),
      };
    },
  };
}

/** The severity of the worst patch that is open on a machine. */
export function exposureOf({ standings }: Pick<IndexedMachine, "standings">): Severity | undefined {
  const open = Object.values(standings).filter(({ status }) => isOpen(status));
  return severities.find((severity) => open.some((each) => each.severity === severity));
}

function sumsOf(changes: readonly FleetChange[]): Map<string, Map<string, number>> {
  const sums = new Map<string, Map<string, number>>();
  const add = (subject: string, name: string, by: number) => {
    const of = sums.get(subject) ?? new Map<string, number>();
    of.set(name, (of.get(name) ?? 0) + by);
    sums.set(subject, of);
  };
  for (const { before, after, took, leaves = false } of changes) {
    for (const [machine, by] of [
      [before, -1],
      [leaves ? undefined : after, 1],
    ] as const) {
      if (machine === undefined) continue;
      add(ofMachines, `condition ${machine.condition}`, by);
      add(ofMachines, `group ${machine.group}`, by);
      const exposure = exposureOf(machine);
      if (exposure !== undefined) add(ofMachines, `exposed ${exposure}`, by);
      for (const [patch, { status }] of Object.entries(machine.standings)) add(patch, `status ${status}`, by);
    }
    for (const { patch, millis } of took) add(patch, `took ${tookBucket(millis)}`, 1);
  }
  return sums;
}

function patchCounts(row: CountsRow) {
  const took = Object.entries(withPrefix(row, "took ")).map(([bucket, count]) => [Number(bucket), count] as const);
  return { statuses: withPrefix(row, "status ") as Partial<Record<PatchStatus, number>>, took: new Map(took) };
}

function withPrefix(row: CountsRow, prefix: string): Record<string, number> {
  const found = Object.entries(row).filter(([name, count]) => name.startsWith(prefix) && Number(count) > 0);
  return Object.fromEntries(found.map(([name, count]) => [name.slice(prefix.length), Number(count)]));
}

/**
 * The index that narrows most, its partition, and what its sort key begins with; what else there is of a filter is looked at row by
 * row. What has one condition or exposure is in the order of groups, then names, so that a group of it is a range.
 */
function listOf(customer: string, { condition, exposed, group, begins }: FleetFilter, by: "name" | "seen") {
  const name = begins?.toLowerCase() ?? "";
  const ofName = name === "" ? {} : { begins: name };
  if (name === "" || group !== undefined) {
    const ofGroup = group === undefined ? {} : { begins: `${group} ${name}` };
    if (condition !== undefined) return { index: "byCondition", partition: `${customer} ${condition}`, ...ofGroup };
    if (exposed !== undefined) return { index: "byExposure", partition: `${customer} ${exposed}`, ...ofGroup };
  }
  if (group !== undefined) return { index: "byGroup", partition: `${customer} ${group}`, ...ofName };
  if (name === "" && by === "seen") return { index: "bySeen", partition: customer };
  return { index: "byName", partition: customer, ...ofName };
}

/** The order that `list` answers in: of one condition or exposure by group first. */
export function orderOf(filter: FleetFilter, by: "name" | "seen"): "name" | "seen" | "group" {
  const { index } = listOf("", filter, by);
  if (index === "bySeen") return "seen";
  return (index === "byCondition" || index === "byExposure") && filter.group === undefined ? "group" : "name";
}

function matches(row: NarrowRow, { condition, exposed, group }: FleetFilter): boolean {
  return (
    (condition === undefined || row.condition === condition) &&
    (exposed === undefined || row.exposure === exposed) &&
    (group === undefined || row.group === group)
  );
}

/** Where no index has all of a filter, many rows that are read may not be meant. */
function batchOf({ condition, exposed, group, begins }: FleetFilter, limit: number): number {
  const narrowing = [condition, exposed, begins && group === undefined ? begins : undefined];
  return narrowing.filter((each) => each !== undefined).length > 1 ? Math.max(400, limit) : limit;
}

function rowOf(machine: IndexedMachine): Row {
  const { customer, hostname, condition, group, seenAt, isSilent, standings, machine: id, ...rest } = machine;
  const name = `${hostname.toLowerCase()} ${id}`;
  const exposure = exposureOf(machine);
  return {
    ...rest,
    customer,
    machine: id,
    hostname,
    condition,
    group,
    seenAt,
    isSilent,
    standings: JSON.stringify(standings),
    name,
    groupName: `${group} ${name}`,
    // A sort key that changed with each check-in would cost two writes of them all
    seen: isSilent ? `0 ${seenKey(seenAt)} ${id}` : `1 ${name}`,
    ofCondition: `${customer} ${condition}`,
    ofGroup: `${customer} ${group}`,
    ...(exposure !== undefined && { exposure, ofExposure: `${customer} ${exposure}` }),
  };
}

function toMachine(row: Row): IndexedMachine {
  const { name: _name, groupName: _groupName, seen: _seen, ofCondition: _c, ofGroup: _g, ...rest } = row;
  const { ofExposure: _e, exposure: _x, ...machine } = rest;
  return { ...machine, standings: JSON.parse(row.standings) };
}

/** As text of one length, so that it sorts as the number does. */
function seenKey(millis: number): string {
  return String(Math.max(0, Math.floor(millis))).padStart(15, "0");
}
