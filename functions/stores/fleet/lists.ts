import type { Condition } from "../../domain/status.ts";
import type { Row, Severity } from "./rows.ts";

/** What narrows a list of machines; what is left out does not. `begins` is the begin of a host name. */
export type FleetFilter = { condition?: Condition; exposed?: Severity; group?: string; begins?: string };
/** What the indexes carry: enough to narrow a list. */
export type NarrowRow = Pick<Row, "customer" | "machine" | "condition" | "group" | "exposure">;

/**
 * The index that narrows most, its partition, and what its sort key begins with; what else there is of a filter is looked at row by
 * row. What has one condition or exposure is in the order of groups, then names, so that a group of it is a range.
 */
export function listOf(customer: string, { condition, exposed, group, begins }: FleetFilter, by: "name" | "seen") {
  const name = begins?.toLowerCase() ?? "";
  const ofName = name === "" ? {} : { begins: name };
  // Whoever is silent comes first there
  if (condition === "silent" && by === "seen" && name === "" && group === undefined)
    return { index: "bySeen", partition: customer, begins: "0 " };
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

/** Whether a row of an index is one that is asked for. */
export function matches(row: NarrowRow, { condition, exposed, group }: FleetFilter): boolean {
  return (
    (condition === undefined || row.condition === condition) &&
    (exposed === undefined || row.exposure === exposed) &&
    (group === undefined || row.group === group)
  );
}

/** How many rows are read at once: where no index has all of a filter, many may not be meant. */
export function batchOf({ condition, exposed, group, begins }: FleetFilter, limit: number): number {
  const narrowing = [condition, exposed, begins && group === undefined ? begins : undefined];
  return narrowing.filter((each) => each !== undefined).length > 1 ? Math.max(400, limit) : limit;
}
