import { SutureError } from "../../protocol/errors.ts";
import type { Attributes } from "./attributes.ts";

type Names = { ExpressionAttributeNames?: Readonly<Record<string, string>>; ExpressionAttributeValues?: Attributes };
type Condition = Names & { ConditionExpression?: string; ReturnValuesOnConditionCheckFailure?: "ALL_OLD" };
export type PutInput = Condition & { TableName: string; Item: Attributes };
type UpdateInput = Condition & {
  TableName: string;
  Key: Attributes;
  UpdateExpression: string;
  ReturnValues?: "ALL_NEW";
};
/** One write of a transaction. */
export type Write =
  | { Put: PutInput }
  | { Update: Omit<UpdateInput, "ReturnValues"> }
  | { Delete: Condition & { TableName: string; Key: Attributes } };
type QueryInput = Names & {
  TableName: string;
  IndexName?: string;
  KeyConditionExpression: string;
  ScanIndexForward?: boolean;
  ConsistentRead?: boolean;
  Limit?: number;
  Select?: "COUNT";
  ExclusiveStartKey?: Attributes;
};

type ScanInput = Names & {
  TableName: string;
  FilterExpression: string;
  Limit?: number;
  ExclusiveStartKey?: Attributes;
};

/** The operations that the stores use, in DynamoDB's own JSON. */
export type Operations = {
  GetItem: {
    input: { TableName: string; Key: Attributes; ConsistentRead?: boolean };
    output: { Item?: Attributes };
  };
  BatchGetItem: {
    input: { RequestItems: Readonly<Record<string, { Keys: readonly Attributes[]; ConsistentRead?: boolean }>> };
    output: {
      Responses?: Readonly<Record<string, Attributes[]>>;
      UnprocessedKeys?: Readonly<Record<string, { Keys?: Attributes[] }>>;
    };
  };
  PutItem: { input: PutInput; output: object };
  DeleteItem: {
    input: { TableName: string; Key: Attributes; ReturnValues: "ALL_OLD" };
    output: { Attributes?: Attributes };
  };
  UpdateItem: { input: UpdateInput; output: { Attributes?: Attributes } };
  Query: { input: QueryInput; output: { Items?: Attributes[]; Count?: number; LastEvaluatedKey?: Attributes } };
  /** No request waits for one: it is for a job that looks at every row now and then, where an index would cost more than it saves. */
  Scan: { input: ScanInput; output: { Items?: Attributes[]; LastEvaluatedKey?: Attributes } };
  TransactWriteItems: { input: { TransactItems: readonly Write[] }; output: object };
};
export type Operation = keyof Operations;

/**
 * The port to DynamoDB. Implementations: `dynamo-sdk.ts` (the AWS SDK) and `dynamo-fetch.ts` (signed fetch, for agent-api, whose
 * bundle holds no SDK). Both retry throttling, conflicts and server faults within a time limit (`dynamo-retry.ts`), so a conditional
 * write whose first answer was lost can come back as `ConditionFailed`. Where machines or jobs say things twice anyway the stores answer
 * both alike; a person who creates something may in that rare case hear that it exists already.
 *
 * Throws `ConditionFailed`; `TransactionConflict`; SutureError `unavailable` when the service cannot answer in time, `too-large` when an
 * item would hold more than 400 KB, `internal` when it refuses the call.
 */
export interface Dynamo {
  send<Op extends Operation>(operation: Op, input: Operations[Op]["input"]): Promise<Operations[Op]["output"]>;
}

/** A write's condition did not hold. `item` is what is stored, where it was asked for and exists. */
export class ConditionFailed extends Error {
  override readonly name = "ConditionFailed";
  readonly item: Attributes | undefined;

  constructor(item: Attributes | undefined, options?: { cause?: unknown }) {
    super("The condition of a write did not hold", options);
    this.item = item;
  }
}

/** A write met others at the same item, again and again, and nothing was done. */
export class TransactionConflict extends SutureError {
  constructor(detail: string, options?: { cause?: unknown }) {
    super("unavailable", detail, options);
  }
}

/** Why a transaction was cancelled, one entry for each of its writes. */
export type CancellationReason = {
  Code?: string | undefined;
  Message?: string | undefined;
  Item?: Attributes | undefined;
};

/** The reason that makes a cancelled transaction a failed condition; undefined when it was cancelled for another cause. */
export function failedCondition(reasons: readonly CancellationReason[] = []): CancellationReason | undefined {
  return reasons.find((reason) => reason.Code === "ConditionalCheckFailed");
}
