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
import { recallsStore } from "../stores/recalls.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { statesStore } from "../stores/states.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { indexFleet, indexSilence, machinesIn } from "./fleet.ts";

const dynamo = dynamoSdk({});
const patches = patchesStore(dynamo);
const deps = {
  changes: changesStore(dynamo),
  fleet: fleetStore(dynamo),
  machines: machinesStore(dynamo),
  patches,
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

/**
 * Keeps the index of the fleet, as a Lambda function behind the streams of machines and states; each hour, with nothing in hand, it
 * looks for machines that fell silent. What it throws makes the stream give it the batch again.
 */
export async function handler(event: Partial<StreamEvent>): Promise<void> {
  if (event.Records === undefined) await indexSilence(deps);
  else await indexFleet(machinesIn(tableChanges({ Records: event.Records })), deps);
}
