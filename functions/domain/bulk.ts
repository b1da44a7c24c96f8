import type { BulkChange, MachineFilter } from "../../protocol/wire/customer.ts";

/** A machine as filters see it. `seenAt` is in seconds since the epoch. */
export type Filtered = { group: string; tags: readonly string[]; hostname: string; seenAt: number };

const day = 86_400;

/** Whether a machine fits all that a filter says. */
export function fitsFilter(machine: Filtered, filter: MachineFilter, now: number): boolean {
  const { group = machine.group, tags = [], hostname = "", silentForDays = 0 } = filter;
  return (
    machine.group === group &&
    tags.every((tag) => machine.tags.includes(tag)) &&
    machine.hostname.startsWith(hostname) &&
    now - machine.seenAt >= silentForDays * day
  );
}

/** Where a change puts a machine; undefined where it is there already. */
export function changedPlace(
  machine: Pick<Filtered, "group" | "tags">,
  { group = machine.group, addTags = [], removeTags = [] }: BulkChange["change"],
): { group: string; tags: string[] } | undefined {
  const kept = machine.tags.filter((tag) => !removeTags.includes(tag));
  const tags = [...new Set([...kept, ...addTags])];
  const same =
    group === machine.group && tags.length === machine.tags.length && tags.every((tag) => machine.tags.includes(tag));
  return same ? undefined : { group, tags };
}
