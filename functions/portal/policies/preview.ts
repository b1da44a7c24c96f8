import type { Policy, PolicyView } from "../../../protocol/wire/policy.ts";
import { plannedMachine } from "../../control.ts";
import { isFor, type PlannedMachine, policyFor } from "../../domain/policy.ts";
import type { MachinesStore } from "../../stores/machines.ts";

/** More machines than this are looked at by nobody while a form waits. */
const mostLooked = 1000;
const mostShown = 50;

type Effect = Pick<Policy, "apply" | "windows" | "critical">;
/** Who would be touched: `shown` are the first of them, each with what would hold for it. */
export type Preview = {
  looked: number;
  /** there are machines that were not looked at */
  more: boolean;
  fitting: number;
  shown: (PlannedMachine & { effect: Effect })[];
};

/** Says whom a policy is for and what would hold there if it were saved; asks the functions that plans are made by. */
export async function previewPolicy(
  wanted: PolicyView,
  { customer, policies, groups }: { customer: string; policies: readonly PolicyView[]; groups: Groups },
  { machines }: { machines: MachinesStore },
): Promise<Preview> {
  const page = await machines.listByCustomer(customer, { limit: mostLooked });
  const looked = page.items.map((machine) => ({ ...plannedMachine(machine), facts: machine.facts }));
  const after = [...policies.filter(({ name }) => name !== wanted.name), wanted];
  const fitting = looked.filter((machine) => isFor(wanted, machine));
  const shown = fitting.slice(0, mostShown).map((machine) => {
    const { apply, windows, critical } = policyFor(machine, after, groups[machine.group]?.mode ?? "auto");
    return { ...machine, effect: { apply, windows, critical } };
  });
  return { looked: looked.length, more: page.cursor !== undefined, fitting: fitting.length, shown };
}

type Groups = Readonly<Record<string, { mode: "auto" | "report" }>>;
