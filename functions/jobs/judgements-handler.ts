import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { outcomesStore } from "../stores/outcomes.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { consumerHandler } from "./consumer-handler.ts";
import { judgeMoved } from "./rollout-gates.ts";

const dynamo = dynamoSdk({});
const stores = {
  outcomes: outcomesStore(dynamo),
  patchHolds: patchHoldsStore(dynamo),
  rollouts: rolloutsStore(dynamo),
};

/** Judges the rollouts whose counts have moved. */
export const handler = consumerHandler((batch) => judgeMoved(batch, { ...stores, now: Date.now() }));
