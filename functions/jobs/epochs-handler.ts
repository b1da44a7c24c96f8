import { changesStore } from "../stores/changes.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import { advanceEpochs } from "./epochs.ts";

const changes = changesStore(dynamoSdk({}));

/**
 * The epochs job as a Lambda function behind the tables' streams. What it throws makes the stream give it the batch again; one
 * instance at a time and a second's batches keep it at one write a second.
 */
export async function handler(event: StreamEvent): Promise<void> {
  await advanceEpochs(tableChanges(event), { changes, now: Date.now() });
}
