import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { createTables } from "../../infra/local/dynamodb.ts";
import { storesContract } from "../contract/stores.ts";
import { describeWithPeer, dynamoDbLocal, startPeer } from "../support/peers.ts";

await describeWithPeer("DynamoDB Local", dynamoDbLocal, () => {
  for (const [name, transport] of [
    ["the AWS SDK", dynamoSdk],
    ["signed fetch", dynamoFetch],
  ] as const) {
    storesContract(name, async () => {
      const peer = await startPeer(dynamoDbLocal);
      await createTables(peer);
      return { dynamo: transport(peer), stop: () => peer.stop() };
    });
  }
});
