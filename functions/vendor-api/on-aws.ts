import { randomBytes } from "node:crypto";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import type { ServiceKeys } from "../../protocol/wire/service.ts";
import { planKeyReader } from "../agent-api/plan-keys.ts";
import { endpointOf, fromEnvironment, roleOf } from "../environment.ts";
import { kmsKeyWrapper, kmsSigner } from "../signers/kms.ts";
import { apiTokensStore } from "../stores/api-tokens.ts";
import { auditStore } from "../stores/audit.ts";
import { s3Blobs } from "../stores/blobs/s3.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { enrolmentsStore } from "../stores/enrolments.ts";
import { idempotencyStore } from "../stores/idempotency.ts";
import { identityProvidersStore } from "../stores/identity-providers.ts";
import { invitationsStore } from "../stores/invitations.ts";
import { invokeLater } from "../stores/lambda-invoke.ts";
import { machinesStore } from "../stores/machines.ts";
import { membersStore } from "../stores/members.ts";
import { outcomesStore } from "../stores/outcomes.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { patchesStore } from "../stores/patches.ts";
import { pinsStore } from "../stores/pins.ts";
import { policiesStore } from "../stores/policies.ts";
import { progressStore } from "../stores/progress.ts";
import { recallsStore } from "../stores/recalls.ts";
import { receiptsStore } from "../stores/receipts.ts";
import { requestCountsStore } from "../stores/request-counts.ts";
import { rolesStore } from "../stores/roles.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { seatsStore } from "../stores/seats.ts";
import { secretsManager } from "../stores/secrets.ts";
import { sqsQueue } from "../stores/sqs-queue.ts";
import { statesStore } from "../stores/states.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { supportStore } from "../stores/support.ts";
import { usageStore } from "../stores/usage.ts";
import { vendorsStore } from "../stores/vendors.ts";
import { viewsStore } from "../stores/views.ts";
import { vendorApi } from "./app.ts";
import { usualLimits } from "./rate-limit.ts";

/** vendor-api over AWS, where the environment says: for its own function, and for the portal, which answers by it. */
export function vendorApiOnAws(): ReturnType<typeof vendorApi> {
  const dynamo = dynamoSdk({});
  const roles = rolesStore(dynamo);
  const secrets = secretsManager({ ...roleOf(), ...endpointOf("SECRETS_MANAGER") });
  return vendorApi({
    vendors: vendorsStore(dynamo),
    roles,
    patches: patchesStore(dynamo),
    customers: customersStore(dynamo),
    subscriptions: subscriptionsStore(dynamo),
    apiTokens: apiTokensStore(dynamo),
    enrolments: enrolmentsStore(dynamo),
    progress: progressStore(dynamo),
    machines: machinesStore(dynamo),
    states: statesStore(dynamo),
    policies: policiesStore(dynamo),
    pins: pinsStore(dynamo),
    views: viewsStore(dynamo),
    rollouts: rolloutsStore(dynamo),
    outcomes: outcomesStore(dynamo),
    patchHolds: patchHoldsStore(dynamo),
    recalls: recallsStore(dynamo),
    receipts: receiptsStore(dynamo),
    audit: auditStore(dynamo),
    idempotency: idempotencyStore(dynamo),
    identityProviders: identityProvidersStore(dynamo),
    invitations: invitationsStore(dynamo),
    members: membersStore(dynamo),
    requestCounts: requestCountsStore(dynamo),
    seats: seatsStore(dynamo),
    support: supportStore(dynamo),
    usage: usageStore(dynamo),
    rateLimits: usualLimits,
    edgeKey: process.env.SUTURE_EDGE_KEY,
    blobs: s3Blobs(fromEnvironment("SUTURE_BUCKET"), {}),
    keys: kmsKeyWrapper(fromEnvironment("SUTURE_WRAPPING_KEY"), {}),
    queue: sqsQueue(fromEnvironment("SUTURE_PUBLISH_QUEUE_URL"), { ...roleOf(), ...endpointOf("SQS") }),
    serviceKeys: once(serviceKeys),
    rotatePlanKeys: () =>
      invokeLater(
        fromEnvironment("SUTURE_SCHEDULE_FUNCTION"),
        { replacePlanKeys: true },
        { ...roleOf(), ...endpointOf("LAMBDA") },
      ),
    offlinePlanKey: planKeyReader(() => secrets.read(fromEnvironment("SUTURE_OFFLINE_PLAN_KEYS_SECRET")), Date.now),
    now: () => new Date(),
    random: randomBytes,
    serviceRoot: async () => {
      const root = await roles.root("service", 1);
      if (root === undefined) throw new SutureError("unavailable", "The service's repository is not founded yet");
      return digestOf(Buffer.from(root.body)).sha256;
    },
  });
}

/** They are asked for by ceremonies alone, so not before. */
async function serviceKeys(): Promise<ServiceKeys> {
  const keyOf = async (name: string) => (await kmsSigner(fromEnvironment(name), {})).key;
  return {
    snapshot: await keyOf("SUTURE_SNAPSHOT_KEY"),
    timestamp: await keyOf("SUTURE_TIMESTAMP_KEY"),
    planKeys: await keyOf("SUTURE_PLAN_KEYS_KEY"),
    recalls: await keyOf("SUTURE_RECALLS_KEY"),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
