import { auditStore } from "../stores/audit.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { patchesStore } from "../stores/patches.ts";
import { policiesStore } from "../stores/policies.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { consumerHandler } from "./consumer-handler.ts";
import { followPatches } from "./rollout-starts.ts";

const dynamo = dynamoSdk({});
const stores = {
  audit: auditStore(dynamo),
  patches: patchesStore(dynamo),
  policies: policiesStore(dynamo),
  rollouts: rolloutsStore(dynamo),
  subscriptions: subscriptionsStore(dynamo),
};

/** Begins and ends rollouts with their patches. */
export const handler = consumerHandler((batch) => followPatches(batch, { ...stores, now: Date.now() }));
