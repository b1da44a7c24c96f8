import { createSecretKey, type KeyObject } from "node:crypto";
import { handle } from "hono/aws-lambda";
import { SutureError } from "../../protocol/errors.ts";
import { endpointOf, fromEnvironment, roleOf } from "../environment.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { auditStore } from "../stores/audit.ts";
import { s3Links } from "../stores/blobs/s3-links.ts";
import { changesStore } from "../stores/changes.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoFetch } from "../stores/dynamo-fetch.ts";
import { enrolmentsStore } from "../stores/enrolments.ts";
import { machinesStore } from "../stores/machines.ts";
import { parameterReader } from "../stores/parameters.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { patchesStore } from "../stores/patches.ts";
import { pinsStore } from "../stores/pins.ts";
import { policiesStore } from "../stores/policies.ts";
import { recallsStore } from "../stores/recalls.ts";
import { receiptsStore } from "../stores/receipts.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { seatsStore } from "../stores/seats.ts";
import { secretsManager } from "../stores/secrets.ts";
import { statesStore } from "../stores/states.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { agentApi } from "./app.ts";
import { faultMetric } from "./fault-metric.ts";
import { usualAgentLimits } from "./limits.ts";
import { MetadataHints } from "./metadata-hints.ts";
import { ownAddress } from "./own-address.ts";
import { planKeyReader } from "./plan-keys.ts";

const role = roleOf();
/** Where the CDN serves the repositories and passes signed links on to the bucket. */
const publicUrl = fromEnvironment("SUTURE_PUBLIC_URL");
const bucket = { bucketUrl: fromEnvironment("SUTURE_BUCKET_URL"), ...role };
const link = s3Links({ ...bucket, servedFrom: publicUrl });
/** For what the function itself reads: nearer than the CDN, and at less than half its price. */
const ownLink = s3Links(bucket);
const secrets = secretsManager({ ...role, ...endpointOf("SECRETS_MANAGER") });
const ticketKeys = await readTicketKeys(fromEnvironment("SUTURE_TICKET_SECRET"));
const planKeys = fromEnvironment("SUTURE_PLAN_KEYS_SECRET");

const parameter = parameterReader({ ...role, ...endpointOf("SSM") });

const dynamo = dynamoFetch({ ...role, ...endpointOf("DYNAMODB") });
const changes = changesStore(dynamo);
const planned = {
  customers: customersStore(dynamo),
  subscriptions: subscriptionsStore(dynamo),
  patches: patchesStore(dynamo),
  patchHolds: patchHoldsStore(dynamo),
  recalls: recallsStore(dynamo),
  policies: policiesStore(dynamo),
  pins: pinsStore(dynamo),
  rollouts: rolloutsStore(dynamo),
};

/** agent-api as a Lambda function behind a function URL. */
export const handler = handle(
  agentApi({
    machines: machinesStore(dynamo),
    seats: seatsStore(dynamo),
    audit: auditStore(dynamo),
    enrolments: enrolmentsStore(dynamo),
    receipts: receiptsStore(dynamo),
    states: statesStore(dynamo),
    subscriptions: planned.subscriptions,
    inputs: new PlanInputsCache(planned),
    limits: usualAgentLimits,
    onFault: (fault) => void process.stdout.write(`${JSON.stringify(faultMetric(fault, Date.now()))}\n`),
    edgeKey: process.env.SUTURE_EDGE_KEY,
    readChanges: (options) => changes.read(options),
    hints: new MetadataHints(readPublicFile, Date.now),
    presign: (sha256) => link(`bundles/${sha256}`, { expiresInSeconds: 600 }),
    ticketKeys,
    planKey: planKeyReader(() => secrets.read(planKeys), Date.now),
    agentUrl: ownAddress(() => parameter(fromEnvironment("SUTURE_AGENT_URL_PARAMETER")), Date.now),
    pollSeconds: Number(fromEnvironment("SUTURE_POLL_SECONDS")),
    now: Date.now,
  }),
);

async function readPublicFile(repository: string, name: string): Promise<string | undefined> {
  const response = await fetch(await ownLink(`tuf/${repository}/${name}`, { expiresInSeconds: 60 }));
  if (response.status === 404) return undefined;
  if (!response.ok) throw new SutureError("unavailable", `The repository answered ${response.status}`);
  return await response.text();
}

/** The secret holds the keys in base64url with a comma between them, the newest first, so that they can be changed. */
async function readTicketKeys(secret: string): Promise<[KeyObject, ...KeyObject[]]> {
  const [newest, ...older] = (await secrets.read(secret)).split(",").map((text) => {
    const bytes = Buffer.from(text.trim(), "base64url");
    if (bytes.length < 32) throw new SutureError("internal", "A ticket key is shorter than 32 bytes");
    return createSecretKey(bytes);
  });
  if (newest === undefined) throw new SutureError("internal", "There is no ticket key");
  return [newest, ...older];
}
