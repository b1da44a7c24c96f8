import { endpointOf, fromEnvironment, roleOf } from "../environment.ts";
import { kmsSigner } from "../signers/kms.ts";
import { s3Blobs } from "../stores/blobs/s3.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { rolesStore } from "../stores/roles.ts";
import { secretsManager } from "../stores/secrets.ts";
import { sqsQueue } from "../stores/sqs-queue.ts";
import { vendorsStore } from "../stores/vendors.ts";
import { runSchedule } from "./schedule.ts";

const dynamo = dynamoSdk({});
const role = roleOf();
const secrets = secretsManager({ ...role, ...endpointOf("SECRETS_MANAGER") });
const planKeys = fromEnvironment("SUTURE_PLAN_KEYS_SECRET");

/** What time alone makes due, as a Lambda function that runs every hour. */
export async function handler(): Promise<void> {
  await runSchedule({
    roles: rolesStore(dynamo),
    vendors: vendorsStore(dynamo),
    blobs: s3Blobs(fromEnvironment("SUTURE_BUCKET"), {}),
    queue: sqsQueue(fromEnvironment("SUTURE_PUBLISH_QUEUE_URL"), { ...role, ...endpointOf("SQS") }),
    planKeysSigner: await kmsSigner(fromEnvironment("SUTURE_PLAN_KEYS_KEY"), {}),
    planKeys: {
      read: () => secrets.read(planKeys),
      write: (text) => secrets.write(planKeys, text),
    },
    now: Date.now,
  });
}
