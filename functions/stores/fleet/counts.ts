import type { Condition, PatchStatus } from "../../domain/status.ts";
import { tookBucket } from "../../domain/took.ts";
import { counterOf, sumOfParts } from "../split-counts.ts";
import { exposureOf, type FleetChange, type Severity } from "./rows.ts";

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

/** `customer`, `subject`, and a number for each name. */
export type CountsRow = Record<string, string | number>;

/** The subject of the counts of machines; every other is a patch. */
export const ofMachines = "machines";

/** By how much some changes move the counts: subject → name → number. */
export function sumsOf(changes: readonly FleetChange[]): Map<string, Map<string, number>> {
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

/** A customer's counts from its rows, of which a subject may have several. */
export function countsOf(parts: readonly CountsRow[]): FleetCounts {
  const rows = [...Map.groupBy(parts, ({ subject }) => counterOf(String(subject)))].map(([subject, of]) => ({
    ...sumOfParts(of),
    subject,
  }));
  const total = rows.find(({ subject }) => subject === ofMachines) ?? { subject: ofMachines };
  return {
    conditions: withPrefix(total, "condition "),
    exposed: withPrefix(total, "exposed "),
    groups: withPrefix(total, "group ") as Record<string, number>,
    patches: new Map(
      rows.flatMap((row) => (row.subject === ofMachines ? [] : [[String(row.subject), patchCounts(row)] as const])),
    ),
  };
}

function patchCounts(row: CountsRow) {
  const took = Object.entries(withPrefix(row, "took ")).map(([bucket, count]) => [Number(bucket), count] as const);
  return { statuses: withPrefix(row, "status ") as Partial<Record<PatchStatus, number>>, took: new Map(took) };
}

function withPrefix(row: CountsRow, prefix: string): Record<string, number> {
  const found = Object.entries(row).filter(([name, count]) => name.startsWith(prefix) && Number(count) > 0);
  return Object.fromEntries(found.map(([name, count]) => [name.slice(prefix.length), Number(count)]));
}
