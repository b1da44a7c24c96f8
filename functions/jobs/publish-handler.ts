import { parseJson } from "../../protocol/wire/parse.ts";
import { fromEnvironment } from "../environment.ts";
import { kmsKeyWrapper, kmsSigner } from "../signers/kms.ts";
import { s3Blobs } from "../stores/blobs/s3.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { patchesStore } from "../stores/patches.ts";
import { recallsStore } from "../stores/recalls.ts";
import { repositoriesStore } from "../stores/repositories.ts";
import { rolesStore } from "../stores/roles.ts";
import { vendorsStore } from "../stores/vendors.ts";
import { PublishMessage } from "./queue.ts";
import { type PublishRepositoryDeps, publishRepository } from "./recalls.ts";
import { serviceRepository } from "./service-repository.ts";
import { vendorSigners } from "./vendor-signers.ts";

/** What a Lambda function gets from a queue, as far as it is used here. */
type QueueEvent = { Records: readonly { body: string }[] };

const dynamo = dynamoSdk({});
const vendors = vendorsStore(dynamo);
const keys = kmsKeyWrapper(fromEnvironment("SUTURE_WRAPPING_KEY"), {});
const deps: PublishRepositoryDeps = {
  roles: rolesStore(dynamo),
  repositories: repositoriesStore(dynamo),
  patches: patchesStore(dynamo),
  recalls: recallsStore(dynamo),
  recallsSigner: await kmsSigner(fromEnvironment("SUTURE_RECALLS_KEY"), {}),
  blobs: s3Blobs(fromEnvironment("SUTURE_BUCKET"), {}),
  keysOf,
  now: Date.now,
};

/**
 * The publish job as a Lambda function behind the FIFO queue. What it throws makes the queue send the message again; the queue gives
 * it one message of a repository at a time.
 */
export async function handler(event: QueueEvent): Promise<void> {
  for (const { body } of event.Records)
    await publishRepository(parseJson(PublishMessage, body, "message").repository, deps);
}

async function keysOf(repository: string, root: string) {
  if (repository === serviceRepository) {
    return {
      snapshot: await kmsSigner(fromEnvironment("SUTURE_SNAPSHOT_KEY"), {}),
      timestamp: await kmsSigner(fromEnvironment("SUTURE_TIMESTAMP_KEY"), {}),
    };
  }
  return await vendorSigners(repository, root, { vendors, keys });
}
