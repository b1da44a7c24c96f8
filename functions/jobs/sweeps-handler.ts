import { PlanInputsCache } from "../plan-inputs.ts";
import { changesStore } from "../stores/changes.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { fleetStore } from "../stores/fleet.ts";
import { machinesStore } from "../stores/machines.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { patchesStore } from "../stores/patches.ts";
import { pinsStore } from "../stores/pins.ts";
import { policiesStore } from "../stores/policies.ts";
import { progressStore } from "../stores/progress.ts";
import { recallsStore } from "../stores/recalls.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { statesStore } from "../stores/states.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { runSweeps } from "./sweeps.ts";

const dynamo = dynamoSdk({});
const patches = patchesStore(dynamo);
const deps = {
  changes: changesStore(dynamo),
  fleet: fleetStore(dynamo),
  machines: machinesStore(dynamo),
  patches,
  progress: progressStore(dynamo),
  rollouts: rolloutsStore(dynamo),
  states: statesStore(dynamo),
  inputs: new PlanInputsCache({
    customers: customersStore(dynamo),
    patches,
    patchHolds: patchHoldsStore(dynamo),
    pins: pinsStore(dynamo),
    policies: policiesStore(dynamo),
    recalls: recallsStore(dynamo),
    rollouts: rolloutsStore(dynamo),
    subscriptions: subscriptionsStore(dynamo),
  }),
  now: Date.now,
};

/** What must look at every machine, some at each run, as a Lambda function that runs each minute. */
export async function handler(): Promise<void> {
  await runSweeps(deps);
}
