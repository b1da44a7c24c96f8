import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Attributes } from "./attributes.ts";
import { ConditionFailed, type Dynamo, failedCondition, type Operation, type Operations } from "./dynamo.ts";

const commands = {
  GetItem: GetItemCommand,
  BatchGetItem: BatchGetItemCommand,
  PutItem: PutItemCommand,
  DeleteItem: DeleteItemCommand,
  UpdateItem: UpdateItemCommand,
  Query: QueryCommand,
  Scan: ScanCommand,
  TransactWriteItems: TransactWriteItemsCommand,
} satisfies Record<Operation, unknown>;

/** Without these the SDK waits for ever for a peer that went silent. */
const requestHandler = { connectionTimeout: 2000, requestTimeout: 5000, throwOnRequestTimeout: true };

/** The port over the AWS SDK, which retries and signs by itself. */
export function dynamoSdk(config: DynamoDBClientConfig): Dynamo {
  const client = new DynamoDBClient({ requestHandler, ...config });
  return {
    async send<Op extends Operation>(operation: Op, input: Operations[Op]["input"]) {
      // The SDK's commands are as many unrelated classes; that the name, the input and the output belong together is `Operations`' word.
      const Command = commands[operation] as unknown as new (input: object) => GetItemCommand;
      try {
        return (await client.send(new Command(input))) as Operations[Op]["output"];
      } catch (error) {
        throw translated(operation, error);
      }
    },
  };
}

function translated(operation: Operation, error: unknown): Error {
  if (error instanceof ConditionalCheckFailedException) {
    return new ConditionFailed(error.Item as Attributes | undefined, { cause: error });
  }
  if (error instanceof TransactionCanceledException) {
    const reason = failedCondition(error.CancellationReasons as Parameters<typeof failedCondition>[0]);
    if (reason) return new ConditionFailed(reason.Item, { cause: error });
  }
  const refused = error instanceof Error && error.name === "ValidationException";
  return new SutureError(refused ? "internal" : "unavailable", `${operation} failed: ${describeError(error)}`, {
    cause: error,
  });
}
