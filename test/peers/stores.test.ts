import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { createTables } from "../../infra/local/dynamodb.ts";
import { storesContract } from "../contract/stores.ts";
import { describeWithPeer, startDynamoDbLocal } from "../support/peers.ts";

await describeWithPeer("DynamoDB Local", ["java", "npm"], () => {
  for (const [name, transport] of [
    ["the AWS SDK", dynamoSdk],
    ["signed fetch", dynamoFetch],
  ] as const) {
    storesContract(name, async () => {
      const peer = await startDynamoDbLocal();
      await createTables(peer);
      return { dynamo: transport(peer), stop: () => peer.stop() };
    });
  }
});
