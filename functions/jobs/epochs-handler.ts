import { changesStore } from "../stores/changes.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { consumerHandler } from "./consumer-handler.ts";
import { advanceEpochs } from "./epochs.ts";

const changes = changesStore(dynamoSdk({}));

/** The record of recent changes: one instance at a time and a second's batches keep it at one write a second. */
export const handler = consumerHandler((batch) => advanceEpochs(batch, { changes, now: Date.now() }));
