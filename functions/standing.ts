import { plannedMachine } from "./control.ts";
import { decidePlan } from "./domain/plan.ts";
import { newestKnown, type PatchStatus, patchStatus } from "./domain/status.ts";
import type { PlanInputs } from "./domain/verdict.ts";
import type { Machine } from "./stores/machines.ts";
import type { PatchState } from "./stores/states.ts";

/** How one patch stands on one machine. `at` is in milliseconds since the epoch, absent where nothing happened yet. */
export type Standing = { patch: string; status: PatchStatus; detail: string; at?: number };

/** What a plan is decided from beside the machine. */
type Account = Pick<PlanInputs, "control" | "subscriptions" | "patches"> & {
  groups: Readonly<Record<string, { mode: "auto" | "report" }>>;
};

/**
 * How each patch that concerns a machine stands there: what happened, else what the next plan does about it; in the order of their ids.
 * @param now milliseconds since the epoch
 */
export function standingsOf(
  machine: Machine,
  states: readonly PatchState[],
  { groups, ...account }: Account,
  now: number,
): Standing[] {
  const known = newestKnown(machine.patches, states);
  const { actions } = decidePlan({
    ...account,
    machine: plannedMachine(machine),
    facts: machine.facts,
    held: [...known].map(([patch, { state, at }]) => ({
      patch,
      state,
      since: Math.floor(at / 1000),
      heldHere: machine.patches.find((each) => each.patch === patch)?.heldHere,
    })),
    mode: groups[machine.group]?.mode ?? "auto",
    now: Math.floor(now / 1000),
  });
  const planned = new Map(actions.map((action) => [action.patch, action]));
  return [...new Set([...known.keys(), ...planned.keys()])].sort().flatMap((patch): Standing[] => {
    const newest = known.get(patch);
    const action = planned.get(patch);
    const status = patchStatus(newest, action);
    if (status === undefined) return [];
    const at = action?.do === "hold" && action.since !== undefined ? action.since * 1000 : newest?.at;
    return [{ patch, status, detail: newest?.detail ?? "", ...(at !== undefined && { at }) }];
  });
}
