import { z } from "zod";
import { parseWith } from "../../protocol/wire/parse.ts";
import { endpointOf, fromEnvironment, roleOf } from "../environment.ts";
import { kmsSigner } from "../signers/kms.ts";
import { auditStore } from "../stores/audit.ts";
import { s3Blobs } from "../stores/blobs/s3.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { machinesStore } from "../stores/machines.ts";
import { progressStore } from "../stores/progress.ts";
import { rolesStore } from "../stores/roles.ts";
import { seatsStore } from "../stores/seats.ts";
import { secretsManager } from "../stores/secrets.ts";
import { sqsQueue } from "../stores/sqs-queue.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { supportStore } from "../stores/support.ts";
import { usageStore } from "../stores/usage.ts";
import { vendorsStore } from "../stores/vendors.ts";
import { daysLeftMetric, warnOfExpiries } from "./expiries.ts";
import { runSchedule, type ScheduleDeps } from "./schedule.ts";
import { tendSeats } from "./seats.ts";
import { warnOfSupport } from "./support.ts";

const dynamo = dynamoSdk({});
const seatStores = {
  customers: customersStore(dynamo),
  subscriptions: subscriptionsStore(dynamo),
  machines: machinesStore(dynamo),
  seats: seatsStore(dynamo),
  usage: usageStore(dynamo),
  progress: progressStore(dynamo),
};
const expiriesStores = { roles: rolesStore(dynamo), vendors: vendorsStore(dynamo), audit: auditStore(dynamo) };
const supportStores = { vendors: vendorsStore(dynamo), support: supportStore(dynamo), audit: auditStore(dynamo) };
const role = roleOf();
const secrets = secretsManager({ ...role, ...endpointOf("SECRETS_MANAGER") });
const planKeys = fromEnvironment("SUTURE_PLAN_KEYS_SECRET");
const offlinePlanKeys = fromEnvironment("SUTURE_OFFLINE_PLAN_KEYS_SECRET");

/** What the function is given: nothing by the rule that runs it every hour, a wish by vendor-api. */
const Event = z.object({ replacePlanKeys: z.boolean().optional() });

/** What time alone makes due, as a Lambda function that runs every hour, and what an operator wants at once. */
export async function handler(event: unknown): Promise<void> {
  const { replacePlanKeys = false } = parseWith(Event, event, "event");
  const deps: ScheduleDeps = {
    roles: rolesStore(dynamo),
    vendors: vendorsStore(dynamo),
    blobs: s3Blobs(fromEnvironment("SUTURE_BUCKET"), {}),
    queue: sqsQueue(fromEnvironment("SUTURE_PUBLISH_QUEUE_URL"), { ...role, ...endpointOf("SQS") }),
    planKeysSigner: await kmsSigner(fromEnvironment("SUTURE_PLAN_KEYS_KEY"), {}),
    planKeys: {
      read: () => secrets.read(planKeys),
      write: (text) => secrets.write(planKeys, text),
    },
    offlinePlanKeys: {
      read: () => secrets.read(offlinePlanKeys),
      write: (text) => secrets.write(offlinePlanKeys, text),
    },
    now: Date.now,
  };
  await runSchedule(deps, { replacePlanKeys });
  const { service, vendors } = await warnOfExpiries({ ...expiriesStores, now: Date.now() });
  process.stdout.write(`${JSON.stringify(daysLeftMetric({ service, vendors }, Date.now()))}\n`);
  await tendSeats({ ...seatStores, now: Date.now() });
  await warnOfSupport({ ...seatStores, ...supportStores, now: Date.now() });
}
