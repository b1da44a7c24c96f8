import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { machinesStore } from "../stores/machines.ts";
import { outcomesStore } from "../stores/outcomes.ts";
import { patchHoldsStore } from "../stores/patch-holds.ts";
import { progressStore } from "../stores/progress.ts";
import { rolloutsStore } from "../stores/rollouts.ts";
import { runGates } from "./rollout-gates.ts";

const dynamo = dynamoSdk({});
const stores = {
  machines: machinesStore(dynamo),
  outcomes: outcomesStore(dynamo),
  patchHolds: patchHoldsStore(dynamo),
  progress: progressStore(dynamo),
  rollouts: rolloutsStore(dynamo),
};

/** Looks at running rollouts, as a Lambda function that runs each minute, the shortest that a schedule can. */
export async function handler(): Promise<void> {
  await runGates({ ...stores, now: Date.now() });
}
