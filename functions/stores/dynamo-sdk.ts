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
import { describeError } from "../../protocol/errors.ts";
import type { Attributes } from "./attributes.ts";
import { ConditionFailed, type Dynamo, failedCondition, type Operation, type Operations } from "./dynamo.ts";
import { CallFailed, faultOf, withRetries } from "./dynamo-retry.ts";

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
/** Four silent peers' worth: who waits for a job waits longer than who waits for an answer. */
const timeLimitMillis = 20_000;

/** The port over the AWS SDK, which signs; the retries are those of `dynamo-retry.ts`, since the SDK's own leave out conflicts. */
export function dynamoSdk(config: DynamoDBClientConfig): Dynamo {
  const client = new DynamoDBClient({ requestHandler, ...config, maxAttempts: 1 });
  return {
    async send<Op extends Operation>(operation: Op, input: Operations[Op]["input"]) {
      // The SDK's commands are as many unrelated classes; that the name, the input and the output belong together is `Operations`' word.
      const Command = commands[operation] as unknown as new (input: object) => GetItemCommand;
      const attempt = async (sent: object, abortSignal: AbortSignal) => {
        try {
          return await client.send(new Command(sent), { abortSignal });
        } catch (error) {
          throw translated(operation, error);
        }
      };
      return (await withRetries(operation, input, attempt, timeLimitMillis)) as Operations[Op]["output"];
    },
  };
}

function translated(operation: Operation, error: unknown): Error {
  if (error instanceof ConditionalCheckFailedException) {
    return new ConditionFailed(error.Item as Attributes | undefined, { cause: error });
  }
  const reasons = error instanceof TransactionCanceledException ? (error.CancellationReasons as Reasons) : [];
  const reason = failedCondition(reasons);
  if (reason) return new ConditionFailed(reason.Item, { cause: error });
  const { name: type = "Error", $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  // No answer at all: a connection that broke or a peer that went silent
  if (status === undefined) return new CallFailed("lost", describeError(error), { cause: error });
  return faultOf(operation, { type, message: describeError(error), status, reasons }, error);
}

type Reasons = Parameters<typeof failedCondition>[0];
