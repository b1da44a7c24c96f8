import { PlanInputsCache } from "../plan-inputs.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { ChangesStore } from "../stores/changes.ts";
import type { OutcomesStore } from "../stores/outcomes.ts";
import type { PatchHoldsStore } from "../stores/patch-holds.ts";
import type { PoliciesStore } from "../stores/policies.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import { countOutcomes } from "./aggregates.ts";
import type { Work } from "./consume.ts";
import type { ConsumerName } from "./consumers.ts";
import { advanceEpochs } from "./epochs.ts";
import { type FleetDeps, indexFleet, machinesIn } from "./fleet.ts";
import { logJobs } from "./log-jobs.ts";
import { judgeMoved } from "./rollout-gates.ts";
import { followPatches } from "./rollout-starts.ts";

export type StreamWorkDeps = Omit<FleetDeps, "inputs"> &
  ConstructorParameters<typeof PlanInputsCache>[0] & {
    audit: AuditStore;
    changes: ChangesStore;
    outcomes: OutcomesStore;
    patchHolds: PatchHoldsStore;
    policies: PoliciesStore;
    rollouts: RolloutsStore;
    subscriptions: SubscriptionsStore;
  };

/** What each of the streams' consumers does, where one process is all of them. On AWS each is a handler of its own. */
export function streamWork(deps: StreamWorkDeps): Record<ConsumerName, Work> {
  const at = () => ({ ...deps, now: deps.now() });
  const fleet = { ...deps, inputs: new PlanInputsCache(deps) };
  return {
    epochs: (changes) => advanceEpochs(changes, at()),
    rollouts: (changes) => followPatches(changes, at()),
    outcomes: (changes) => countOutcomes(changes, at()),
    judgements: (changes) => judgeMoved(changes, at()),
    fleet: (changes) => indexFleet(machinesIn(changes), fleet),
    audit: (changes) => logJobs(changes, deps),
  };
}
