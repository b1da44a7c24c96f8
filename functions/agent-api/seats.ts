import { type Decision, decidePlan } from "../domain/plan.ts";
import type { PlanInputs } from "../domain/verdict.ts";
import type { Machine } from "../stores/machines.ts";
import type { SeatsStore } from "../stores/seats.ts";

type Inputs = Omit<PlanInputs, "subscriptions"> & {
  subscriptions: readonly { stream: string; endsAt: number | null; seats: number }[];
};

type DecidedNow = Pick<PlanInputs, "control" | "mode">;

/**
 * Decides a machine's plan and takes a seat of each subscription that it applies something from. Most plans apply nothing, and cost
 * no look at seats. Where a subscription's seats are all taken, the plan is decided again without it. A machine that is about to be
 * told to apply is planned from what its customer decides in this very moment: a halt must not wait for the next epoch.
 * @param at milliseconds since the epoch
 * @param decidedNow reads what the customer decides, the group's mode too, strongly consistent
 */
export async function decideSeated(
  { machine, customer }: Pick<Machine, "machine" | "customer">,
  inputs: Inputs,
  { seats, at, decidedNow }: { seats: SeatsStore; at: number; decidedNow: () => Promise<DecidedNow> },
): Promise<Decision> {
  /** stream → whether the machine has a seat there */
  const seated = new Map<string, boolean>();
  let current: DecidedNow | undefined;
  for (;;) {
    const subscriptions = inputs.subscriptions.map((each) => ({ ...each, seated: seated.get(each.stream) ?? true }));
    const decision = decidePlan({ ...inputs, subscriptions, ...current });
    const applied = new Set(decision.actions.flatMap((each) => (each.do === "apply" ? [streamOf(each.patch)] : [])));
    if (applied.size > 0 && current === undefined) {
      current = await decidedNow();
      continue;
    }
    const asked = subscriptions.filter(({ stream }) => applied.has(stream) && !seated.has(stream));
    for (const { stream, seats: granted } of asked) {
      const claim = { customer, stream, machine, seatedAt: at };
      seated.set(stream, await seats.claim(claim, { seats: granted, at }));
    }
    // With a seat under each, or none left to ask for, it stands
    if (!asked.some(({ stream }) => seated.get(stream) === false)) return decision;
  }
}

function streamOf(patchId: string): string {
  return patchId.slice(0, patchId.lastIndexOf("/"));
}
