import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import { endpointOf, fromEnvironment, roleOf } from "../environment.ts";
import { apiTokensStore } from "../stores/api-tokens.ts";
import { s3Blobs } from "../stores/blobs/s3.ts";
import { changesStore } from "../stores/changes.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { fleetStore } from "../stores/fleet.ts";
import { identityProvidersStore } from "../stores/identity-providers.ts";
import { machinesStore } from "../stores/machines.ts";
import { membersStore } from "../stores/members.ts";
import { patchesStore } from "../stores/patches.ts";
import { pinsStore } from "../stores/pins.ts";
import { policiesStore } from "../stores/policies.ts";
import { receiptsStore } from "../stores/receipts.ts";
import { repositoriesStore } from "../stores/repositories.ts";
import { rolesStore } from "../stores/roles.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { secretsManager } from "../stores/secrets.ts";
import { sqsQueue } from "../stores/sqs-queue.ts";
import { statesStore } from "../stores/states.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { supportStore } from "../stores/support.ts";
import { vendorApiOnAws } from "../vendor-api/on-aws.ts";
import { apiDocs } from "./api-docs.tsx";
import { portal } from "./app.tsx";
import { openProvider } from "./sign-in/provider.ts";

const dynamo = dynamoSdk({});
const secrets = secretsManager({ ...roleOf(), ...endpointOf("SECRETS_MANAGER") });
const sessionKey = Buffer.from(await secrets.read(fromEnvironment("SUTURE_SESSION_SECRET")), "base64url");
if (sessionKey.length < 32) throw new Error("The session secret must hold at least 32 bytes, base64url");

const pages = portal({
  apiTokens: apiTokensStore(dynamo),
  customers: customersStore(dynamo),
  fleet: fleetStore(dynamo),
  machines: machinesStore(dynamo),
  members: membersStore(dynamo),
  patches: patchesStore(dynamo),
  pins: pinsStore(dynamo),
  policies: policiesStore(dynamo),
  receipts: receiptsStore(dynamo),
  rollouts: rolloutsStore(dynamo),
  states: statesStore(dynamo),
  subscriptions: subscriptionsStore(dynamo),
  support: supportStore(dynamo),
  service: vendorApiOnAws(),
  changes: changesStore(dynamo),
  repositories: repositoriesStore(dynamo),
  roles: rolesStore(dynamo),
  blobs: s3Blobs(fromEnvironment("SUTURE_BUCKET"), {}),
  queue: sqsQueue(fromEnvironment("SUTURE_PUBLISH_QUEUE_URL"), { ...roleOf(), ...endpointOf("SQS") }),
  identityProviders: identityProvidersStore(dynamo),
  random: randomBytes,
  provider: openProvider({
    issuer: fromEnvironment("SUTURE_OIDC_ISSUER"),
    clientId: fromEnvironment("SUTURE_OIDC_CLIENT_ID"),
    groupsClaim: "cognito:groups",
    omitsEmptyGroups: true,
  }),
  publicUrl: fromEnvironment("SUTURE_PUBLIC_URL"),
  edgeKey: process.env.SUTURE_EDGE_KEY,
  now: () => new Date(),
  sessionKey,
});

/** The portal as a Lambda function, with the page that reads the API's description. */
export const handler = handle(new Hono().route("/docs", apiDocs()).route("/", pages));
