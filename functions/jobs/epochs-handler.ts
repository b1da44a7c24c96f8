import { auditStore } from "../stores/audit.ts";
import { changesStore } from "../stores/changes.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { machinesStore } from "../stores/machines.ts";
import { outcomesStore } from "../stores/outcomes.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { patchesStore } from "../stores/patches.ts";
import { policiesStore } from "../stores/policies.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { countOutcomes } from "./aggregates.ts";
import { advanceEpochs } from "./epochs.ts";
import { logJobs } from "./log-jobs.ts";
import { gate } from "./rollout-gates.ts";
import { startRollouts } from "./rollout-starts.ts";

const dynamo = dynamoSdk({});
const changes = changesStore(dynamo);
const stores = {
  audit: auditStore(dynamo),
  machines: machinesStore(dynamo),
  outcomes: outcomesStore(dynamo),
  patchHolds: patchHoldsStore(dynamo),
  patches: patchesStore(dynamo),
  policies: policiesStore(dynamo),
  rollouts: rolloutsStore(dynamo),
  subscriptions: subscriptionsStore(dynamo),
};

/**
 * What follows from the tables' changes, as a Lambda function behind their streams. Rollouts come before epochs: a machine that hears
 * of a patch finds its rollout begun. What it throws makes the stream give it the batch again; one instance at a time and a second's
 * batches keep the record of changes at one write a second.
 */
export async function handler(event: StreamEvent): Promise<void> {
  const batch = tableChanges(event);
  const deps = { ...stores, now: Date.now() };
  await startRollouts(batch, deps);
  for (const rollout of await countOutcomes(batch, deps)) await gate(rollout, deps);
  await advanceEpochs(batch, { changes, now: Date.now() });
  await logJobs(batch, stores);
}
