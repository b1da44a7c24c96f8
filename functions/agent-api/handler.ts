import { createSecretKey } from "node:crypto";
import { handle } from "hono/aws-lambda";
import { importJWK } from "jose";
import { SutureError } from "../../protocol/errors.ts";
import { s3Links } from "../stores/blobs/s3-links.ts";
import { changesStore } from "../stores/changes.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoFetch } from "../stores/dynamo-fetch.ts";
import { enrolmentsStore } from "../stores/enrolments.ts";
import { machinesStore } from "../stores/machines.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { patchesStore } from "../stores/patches.ts";
import { pinsStore } from "../stores/pins.ts";
import { policiesStore } from "../stores/policies.ts";
import { receiptsStore } from "../stores/receipts.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { seatsStore } from "../stores/seats.ts";
import { statesStore } from "../stores/states.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { agentApi } from "./app.ts";
import { MetadataHints } from "./metadata-hints.ts";
import { PlanInputsCache } from "./plan-inputs.ts";

const region = fromEnvironment("AWS_REGION");
const credentials = {
  accessKeyId: fromEnvironment("AWS_ACCESS_KEY_ID"),
  secretAccessKey: fromEnvironment("AWS_SECRET_ACCESS_KEY"),
  sessionToken: fromEnvironment("AWS_SESSION_TOKEN"),
};
/** Where the CDN serves the repositories. */
const publicUrl = fromEnvironment("SUTURE_PUBLIC_URL");
const ticketKey = createSecretKey(Buffer.from(fromEnvironment("SUTURE_TICKET_KEY"), "base64url"));
const planKey = importPlanKey(fromEnvironment("SUTURE_PLAN_KEY"));
const link = s3Links({ bucketUrl: fromEnvironment("SUTURE_BUNDLES_URL"), region, credentials });

const dynamo = dynamoFetch({ region, credentials });
const changes = changesStore(dynamo);
const planned = {
  customers: customersStore(dynamo),
  subscriptions: subscriptionsStore(dynamo),
  patches: patchesStore(dynamo),
  patchHolds: patchHoldsStore(dynamo),
  policies: policiesStore(dynamo),
  pins: pinsStore(dynamo),
  rollouts: rolloutsStore(dynamo),
};

/** agent-api as a Lambda function behind a function URL. */
export const handler = handle(
  agentApi({
    machines: machinesStore(dynamo),
    seats: seatsStore(dynamo),
    enrolments: enrolmentsStore(dynamo),
    receipts: receiptsStore(dynamo),
    states: statesStore(dynamo),
    inputs: new PlanInputsCache(planned),
    readChanges: (options) => changes.read(options),
    hints: new MetadataHints(readPublicFile),
    presign: (sha256) => link(`bundles/${sha256}`, { expiresInSeconds: 600 }),
    ticketKeys: [ticketKey],
    planKey: () => planKey,
    pollSeconds: 900,
    now: Date.now,
  }),
);

async function readPublicFile(repository: string, name: string): Promise<string | undefined> {
  const response = await fetch(`${publicUrl}/tuf/${repository}/${name}`);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new SutureError("unavailable", `The repository answered ${response.status}`);
  return await response.text();
}

async function importPlanKey(text: string) {
  const jwk = JSON.parse(text) as { kid: string };
  const privateKey = await importJWK(jwk, "EdDSA");
  if (privateKey instanceof Uint8Array) throw new SutureError("internal", "SUTURE_PLAN_KEY is no key pair");
  return { kid: jwk.kid, privateKey };
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new SutureError("internal", `${name} is not set`);
  return value;
}
