import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { outcomesStore } from "../stores/outcomes.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { countOutcomes } from "./aggregates.ts";
import { consumerHandler } from "./consumer-handler.ts";

const dynamo = dynamoSdk({});
const stores = { outcomes: outcomesStore(dynamo), rollouts: rolloutsStore(dynamo) };

/** Counts what machines came to. */
export const handler = consumerHandler((batch) => countOutcomes(batch, { ...stores, now: Date.now() }));
