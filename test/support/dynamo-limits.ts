import type { Attributes } from "../../functions/stores/attributes.ts";
import { type Dynamo, type Operation, type Operations, TransactionConflict } from "../../functions/stores/dynamo.ts";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";

const definitions = new Map(Object.values<TableDefinition>(tables).map((each) => [tableName(each), each]));
const megabyte = 1024 * 1024;

/**
 * A database that holds its user to DynamoDB's limits, which an embedded one may not know, and that answers as DynamoDB does on a bad
 * day: some transactions meet others, and batches come back in parts. A call beyond a limit throws a TypeError.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
 */
export function limitedDynamo(dynamo: Dynamo): Dynamo {
  let calls = 0;
  /** Each fourth call has some: whoever asks again comes through. */
  const isTroubled = () => calls++ % 4 === 0;

  async function send<Op extends Operation>(
    operation: Op,
    input: Operations[Op]["input"],
  ): Promise<Operations[Op]["output"]> {
    const refusal = beyondLimits(operation, input);
    if (refusal !== undefined) throw new TypeError(`${operation}: ${refusal}`);
    if (operation === "TransactWriteItems" && isTroubled())
      throw new TransactionConflict("TransactWriteItems failed: [None, TransactionConflict]");
    if (operation === "BatchGetItem" && isTroubled())
      return (await halved(input as Operations["BatchGetItem"]["input"])) as Operations[Op]["output"];
    return await dynamo.send(operation, input);
  }

  async function halved({ RequestItems }: Operations["BatchGetItem"]["input"]) {
    const [asked] = Object.entries(RequestItems);
    if (asked === undefined) return {};
    const [table, { Keys, ...more }] = asked;
    const half = Math.ceil(Keys.length / 2);
    const output = await dynamo.send("BatchGetItem", {
      RequestItems: { [table]: { ...more, Keys: Keys.slice(0, half) } },
    });
    const left = Keys.slice(half);
    return { ...output, UnprocessedKeys: left.length > 0 ? { [table]: { Keys: left } } : {} };
  }
  return { send };
}

function beyondLimits(operation: Operation, input: object): string | undefined {
  if (operation === "TransactWriteItems") {
    const { TransactItems } = input as Operations["TransactWriteItems"]["input"];
    const items = TransactItems.map((write) => Object.values(write)[0] as Written);
    const keys = items.map(keyOf);
    if (items.length > 100) return `${items.length} writes in a transaction`;
    if (items.length === 0) return "a transaction of nothing";
    if (new Set(keys).size < keys.length) return "two writes to one item in a transaction";
    const bytes = items.reduce((sum, item) => sum + sizeOf(item), 0);
    if (bytes > 4 * megabyte) return `${bytes} bytes in a transaction`;
    return items.map(itemBeyondLimits).find((each) => each !== undefined);
  }
  if (operation === "BatchGetItem") {
    const { RequestItems } = input as Operations["BatchGetItem"]["input"];
    const keys = Object.values(RequestItems).flatMap(({ Keys }) => Keys.map((key) => JSON.stringify(key)));
    if (keys.length > 100 || keys.length === 0) return `${keys.length} keys in a batch`;
    return new Set(keys).size < keys.length ? "a key twice in a batch" : undefined;
  }
  return itemBeyondLimits(input as Written);
}

type Written = {
  TableName: string;
  Item?: Attributes;
  Key?: Attributes;
  UpdateExpression?: string;
  ConditionExpression?: string;
  ExpressionAttributeValues?: Attributes;
};

function itemBeyondLimits({ Item, UpdateExpression = "", ConditionExpression = "", ...more }: Written) {
  if (Item !== undefined && bytesOf(Item) > 400 * 1024) return `an item of ${bytesOf(Item)} bytes`;
  if (bytesOf(more.ExpressionAttributeValues ?? {}) > 2 * megabyte) return "values of more than 2 MB in an expression";
  const longest = Math.max(UpdateExpression.length, ConditionExpression.length);
  return longest > 4096 ? `an expression of ${longest} characters` : undefined;
}

function keyOf({ TableName, Item, Key = Item }: Written): string {
  const { partition = "", sort = "" } = definitions.get(TableName) ?? {};
  return JSON.stringify([TableName, Key?.[partition], Key?.[sort]]);
}

function sizeOf({ Item = {}, Key = {}, ExpressionAttributeValues = {} }: Written): number {
  return bytesOf(Item) + bytesOf(Key) + bytesOf(ExpressionAttributeValues);
}

/** More than DynamoDB counts: its own JSON has brackets and types beside names and values. */
function bytesOf(attributes: Attributes): number {
  return Buffer.byteLength(JSON.stringify(attributes));
}
