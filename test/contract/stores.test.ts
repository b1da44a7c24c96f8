import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { limitedDynamo } from "../support/dynamo-limits.ts";
import { storesContract } from "./stores.ts";

for (const [name, transport] of [
  ["the embedded database, through the AWS SDK", dynamoSdk],
  ["the embedded database, through signed fetch", dynamoFetch],
  ["a database with DynamoDB's limits, conflicts and batches in parts", limited],
] as const) {
  storesContract(name, async () => {
    const local = await startDynamo();
    return { dynamo: transport(local), stop: local.stop };
  });
}

function limited(local: Parameters<typeof dynamoFetch>[0]) {
  return limitedDynamo(dynamoFetch(local));
}
