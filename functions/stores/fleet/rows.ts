import { type Condition, isOpen, type PatchStatus } from "../../domain/status.ts";
import { pack, unpack } from "../packed.ts";

export const severities = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof severities)[number];

/** One patch on a machine, as the fleet's index keeps it. `at` in milliseconds since the epoch. */
type IndexedStanding = {
  status: PatchStatus;
  severity: Severity;
  detail: string;
  at?: number;
  /** it was applied before, and how long that took was counted; absent where the status says so */
  counted?: true;
};
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
/** A machine in the table: its order in each index beside what it is. */
export type Row = Omit<IndexedMachine, "standings"> & {
  standings: string;
  exposure?: Severity;
  name: string;
  groupName: string;
  seen: string;
  ofCondition: string;
  ofGroup: string;
  ofExposure?: string;
};

/** The severity of the worst patch that is open on a machine. */
export function exposureOf({ standings }: Pick<IndexedMachine, "standings">): Severity | undefined {
  const open = Object.values(standings).filter(({ status }) => isOpen(status));
  return severities.find((severity) => open.some((each) => each.severity === severity));
}

/** What an item of 400 KB leaves to the standings, in characters of one byte; above the other the text is packed. */
const mostText = 300_000;
const packedAbove = 8_000;
const mostDetail = 500;

/** One patch in the index: a receipt's words may be longer than a list shows. */
export function shortDetail(detail: string): string {
  return detail.length <= mostDetail ? detail : `${detail.slice(0, mostDetail - 1).toWellFormed()}…`;
}

/**
 * A machine whose standings fit into its row. Where a host names thousands of patches details go first, then patches that are neither open
 * nor known to have a severity above low, and only then others: nothing that is open is left out while anything else is there.
 */
export function fitted(machine: IndexedMachine): IndexedMachine {
  if (textOf(machine.standings).length <= mostText) return machine;
  const bare = Object.entries(machine.standings).map(
    ([patch, standing]) => [patch, { ...standing, detail: "" }] as const,
  );
  const rank = ({ status, severity }: IndexedStanding) => severities.indexOf(severity) + (isOpen(status) ? 0 : 10);
  bare.sort(([, one], [, other]) => rank(one) - rank(other));
  for (let count = bare.length; ; count = Math.floor(count * 0.8)) {
    const standings = Object.fromEntries(bare.slice(0, count));
    if (textOf(standings).length <= mostText) return { ...machine, standings };
  }
}

function textOf(standings: IndexedMachine["standings"]): string {
  const text = JSON.stringify(standings);
  return text.length <= packedAbove ? text : pack(standings);
}

/** A machine as the table keeps it. */
export function rowOf(machine: IndexedMachine): Row {
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
    standings: textOf(standings),
    name,
    groupName: `${group} ${name}`,
    // A sort key that changed with each check-in would cost two writes of them all
    seen: isSilent ? `0 ${seenKey(seenAt)} ${id}` : `1 ${name}`,
    ofCondition: `${customer} ${condition}`,
    ofGroup: `${customer} ${group}`,
    ...(exposure !== undefined && { exposure, ofExposure: `${customer} ${exposure}` }),
  };
}

/** The inverse of `rowOf`. */
export function toMachine(row: Row): IndexedMachine {
  const { name: _name, groupName: _groupName, seen: _seen, ofCondition: _c, ofGroup: _g, ...rest } = row;
  const { ofExposure: _e, exposure: _x, ...machine } = rest;
  return { ...machine, standings: unpack(row.standings) as IndexedMachine["standings"] };
}

/** As text of one length, so that it sorts as the number does. */
function seenKey(millis: number): string {
  return String(Math.max(0, Math.floor(millis))).padStart(15, "0");
}
