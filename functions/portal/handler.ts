import { handle } from "hono/aws-lambda";
import { apiTokensStore } from "../stores/api-tokens.ts";
import { customersStore } from "../stores/customers.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { machinesStore } from "../stores/machines.ts";
import { patchesStore } from "../stores/patches.ts";
import { pinsStore } from "../stores/pins.ts";
import { policiesStore } from "../stores/policies.ts";
import { receiptsStore } from "../stores/receipts.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { statesStore } from "../stores/states.ts";
import { subscriptionsStore } from "../stores/subscriptions.ts";
import { portal } from "./app.tsx";

const dynamo = dynamoSdk({});
const sessionKey = Buffer.from(process.env.SUTURE_SESSION_KEY ?? "", "base64url");
if (sessionKey.length < 32) throw new Error("SUTURE_SESSION_KEY must hold at least 32 bytes, base64url");

/** The portal as a Lambda function. */
export const handler = handle(
  portal({
    apiTokens: apiTokensStore(dynamo),
    customers: customersStore(dynamo),
    machines: machinesStore(dynamo),
    patches: patchesStore(dynamo),
    pins: pinsStore(dynamo),
    policies: policiesStore(dynamo),
    receipts: receiptsStore(dynamo),
    rollouts: rolloutsStore(dynamo),
    states: statesStore(dynamo),
    subscriptions: subscriptionsStore(dynamo),
    now: () => new Date(),
    sessionKey,
  }),
);
