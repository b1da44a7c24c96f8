import { plannedMachine } from "./control.ts";
import { decidePlan } from "./domain/plan.ts";
import { isOnHost, newestKnown, type PatchStatus, patchStatus, toneOf } from "./domain/status.ts";
import { unprotectedBy } from "./domain/unprotected.ts";
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
  const seconds = Math.floor(now / 1000);
  const onHost = [...known].flatMap(([patch, { state }]) => (isOnHost(state) ? [patch] : []));
  const open = unprotectedBy({ ...account, facts: machine.facts, now: seconds }, onHost);
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
    now: seconds,
  });
  const planned = new Map(actions.map((action) => [action.patch, action]));
  return [...new Set([...known.keys(), ...planned.keys(), ...open])].sort().flatMap((patch): Standing[] => {
    const newest = known.get(patch);
    const action = planned.get(patch);
    // What was undone with the withdrawal is as open as what never was there
    const isOpen = open.has(patch) && (newest === undefined || toneOf(newest.state) === "quiet");
    const status = isOpen ? "unprotected" : patchStatus(newest, action);
    if (status === undefined) return [];
    const at = action?.do === "hold" && action.since !== undefined ? action.since * 1000 : newest?.at;
    return [{ patch, status, detail: newest?.detail ?? "", ...(at !== undefined && { at }) }];
  });
}
