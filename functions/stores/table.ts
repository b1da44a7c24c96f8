import { setTimeout as sleep } from "node:timers/promises";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { type Attributes, marshal, unmarshal } from "./attributes.ts";
import { ConditionFailed, type Dynamo, type PutInput, TransactionConflict, type Write } from "./dynamo.ts";
import { foreignCursor, fromCursor, type KeyTypes, type Page, type PageRequest, toCursor } from "./page.ts";
import { type TableDefinition, tableName } from "./tables.ts";

/** What one BatchGetItem takes, how many are under way at once, and how often in a row one may bring nothing. */
const batchSize = 100;
const batchesAtOnce = 8;
const maxEmptyAnswers = 8;
/** How often a transaction that meets others is made anew, after the transport's own tries. */
const maxConflicts = 5;

type Key = Readonly<Record<string, string | number>>;
/** What a conditional write came to: the row as it is now, or, where the condition did not hold, the row that stands. */
export type Written<Row> = { done: true; row: Row } | { done: false; stored: Row | undefined };
type Condition = { condition?: string; values?: object; names?: Readonly<Record<string, string>> };
type Query = PageRequest & {
  partition: string;
  index?: string;
  /** what the sort key begins with */
  begins?: string;
  /** what the sort key is at most */
  upTo?: string;
  descending?: boolean;
  consistent?: boolean;
};

/**
 * A table's rows as plain objects. In every expression a `#name` stands for the attribute `name` and a `:name` for `values.name`,
 * so that no attribute's name can be one of DynamoDB's reserved words; `names` adds attributes whose names are data.
 * Errors are the port's, less `ConditionFailed`, which is a result here.
 */
export function openTable<Row extends object>(dynamo: Dynamo, definition: TableDefinition) {
  const TableName = tableName(definition);
  // A table has one writer, its store, so what is read is what that store's types let it write.
  const toRow = (item: Attributes) => unmarshal(item) as Row;

  async function conditionally(write: () => Promise<Row>): Promise<Written<Row>> {
    try {
      return { done: true, row: await write() };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return { done: false, stored: error.item && toRow(error.item) };
    }
  }

  function keysOf(index: string | undefined): { partition: string; sort?: string } {
    const keys = index === undefined ? definition : definition.indexes?.[index];
    if (!keys) throw new TypeError(`${definition.name} has no index ${index}`);
    return keys;
  }

  async function getBatch(keys: readonly Key[], ConsistentRead: boolean): Promise<Row[]> {
    const rows: Row[] = [];
    let left: readonly Attributes[] = keys.map(marshal);
    for (let empty = 0; left.length > 0; ) {
      if (empty > 0) await sleep(Math.random() * 25 * 2 ** empty);
      const answer = await dynamo.send("BatchGetItem", {
        RequestItems: { [TableName]: { Keys: left, ...(ConsistentRead && { ConsistentRead }) } },
      });
      const unread = answer.UnprocessedKeys?.[TableName]?.Keys ?? [];
      rows.push(...(answer.Responses?.[TableName] ?? []).map(toRow));
      // An answer holds 16 MB at most, so a part of the keys is no sign of trouble
      empty = unread.length < left.length ? 0 : empty + 1;
      if (empty === maxEmptyAnswers) throw new SutureError("unavailable", `${TableName} puts reads off`);
      left = unread;
    }
    return rows;
  }

  /** What tells one row from another. */
  function keyText(row: object): string {
    return JSON.stringify([definition.partition, definition.sort ?? ""].map((name) => row[name as keyof object]));
  }

  /** A put for `putTogether`. */
  function putting(row: Row, condition: Condition = {}): PutInput {
    return { TableName, Item: marshal(row), ...expressions(condition) };
  }

  return {
    putting,

    /** An unconditional update for `writeTogether`. */
    updating(key: Key, expression: string, condition: Condition = {}): Write {
      return {
        Update: {
          TableName,
          Key: marshal(key),
          UpdateExpression: expression,
          ...expressions(condition, expression),
        },
      };
    },

    /** A removal for `writeTogether`; of a row that is not there it is none. */
    removing(key: Key, condition: Condition = {}): Write {
      return { Delete: { TableName, Key: marshal(key), ...expressions(condition) } };
    },

    async get(key: Key, { consistent = false } = {}): Promise<Row | undefined> {
      const { Item } = await dynamo.send("GetItem", { TableName, Key: marshal(key), ConsistentRead: consistent });
      return Item && toRow(Item);
    },

    /**
     * Many rows at once, in the order of their keys; those that are not there are left out, and a key that comes twice is read once. What
     * the database puts off is asked for again.
     */
    async getMany(keys: readonly Key[], { consistent = false } = {}): Promise<Row[]> {
      const distinct = [...new Map(keys.map((key) => [keyText(key), key])).values()];
      const chunks = Array.from({ length: Math.ceil(distinct.length / batchSize) }, (_, at) =>
        distinct.slice(at * batchSize, (at + 1) * batchSize),
      );
      const found = new Map<string, Row>();
      for (let at = 0; at < chunks.length; at += batchesAtOnce) {
        const some = chunks.slice(at, at + batchesAtOnce).map((chunk) => getBatch(chunk, consistent));
        for (const row of (await Promise.all(some)).flat()) found.set(keyText(row), row);
      }
      return distinct.map((key) => found.get(keyText(key))).filter((row) => row !== undefined);
    },

    put(row: Row, condition: Condition = {}): Promise<Written<Row>> {
      return conditionally(async () => {
        await dynamo.send("PutItem", putting(row, condition));
        return row;
      });
    },

    /** Puts a row whose key is not there yet. */
    create(row: Row): Promise<Written<Row>> {
      return this.put(row, { condition: `attribute_not_exists(#${definition.partition})` });
    },

    update(key: Key, expression: string, condition: Condition = {}): Promise<Written<Row>> {
      return conditionally(async () => {
        const { Attributes = {} } = await dynamo.send("UpdateItem", {
          TableName,
          Key: marshal(key),
          UpdateExpression: expression,
          ReturnValues: "ALL_NEW",
          ...expressions(condition, expression),
        });
        return toRow(Attributes);
      });
    },

    /** False where there was no such row. */
    async remove(key: Key): Promise<boolean> {
      const input = { TableName, Key: marshal(key), ReturnValues: "ALL_OLD" } as const;
      return (await dynamo.send("DeleteItem", input)).Attributes !== undefined;
    },

    /** One page of a partition, in the order of the sort key. Throws `invalid-request` for a foreign cursor. */
    async query(query: Query): Promise<Page<Row>> {
      const { partition, index, begins, upTo, descending, consistent, limit = 100, cursor } = query;
      const keys = keysOf(index);
      const sorted = { ...(begins !== undefined && { ":b": begins }), ...(upTo !== undefined && { ":u": upTo }) };
      const result = await continued(cursor, () =>
        dynamo.send("Query", {
          TableName,
          ...(index === undefined ? {} : { IndexName: index }),
          KeyConditionExpression: [
            "#p = :p",
            ...(begins === undefined ? [] : ["begins_with(#s, :b)"]),
            ...(upTo === undefined ? [] : ["#s <= :u"]),
          ].join(" AND "),
          ExpressionAttributeNames: {
            "#p": keys.partition,
            ...(Object.keys(sorted).length > 0 && { "#s": keys.sort ?? "" }),
          },
          ExpressionAttributeValues: marshal({ ":p": partition, ...sorted }),
          ScanIndexForward: !descending,
          ...(consistent ? { ConsistentRead: true } : {}),
          Limit: Math.min(Math.max(limit, 1), 1000),
          // The partition is never the cursor's to say: a cursor cannot lead out of the list that was asked for.
          ...(cursor === undefined
            ? {}
            : {
                ExclusiveStartKey: {
                  ...fromCursor(cursor, keyTypes(definition, keys)),
                  ...marshal({ [keys.partition]: partition }),
                },
              }),
        }),
      );
      return {
        items: (result.Items ?? []).map(toRow),
        ...(result.LastEvaluatedKey ? { cursor: toCursor(result.LastEvaluatedKey) } : {}),
      };
    },

    /** One page of the whole table, in no order, without those of its `limit` rows that do not fit; it may be empty though more follows. */
    async scan(filter: string, { values, cursor, limit }: PageRequest & { values: object }): Promise<Page<Row>> {
      const result = await continued(cursor, () =>
        dynamo.send("Scan", {
          TableName,
          FilterExpression: filter,
          ...(limit !== undefined && { Limit: limit }),
          ...expressions({ values }, filter),
          ...(cursor === undefined ? {} : { ExclusiveStartKey: fromCursor(cursor, keyTypes(definition, definition)) }),
        }),
      );
      return {
        items: (result.Items ?? []).map(toRow),
        ...(result.LastEvaluatedKey ? { cursor: toCursor(result.LastEvaluatedKey) } : {}),
      };
    },

    /** The cursor of the list that goes on after this row. */
    cursorAfter(row: Row, index?: string): string {
      const found = Object.keys(keyTypes(definition, keysOf(index))).map((name) => [name, row[name as keyof Row]]);
      return toCursor(marshal(Object.fromEntries(found)));
    },

    /** How many rows a partition has, without carrying them. */
    async count(partition: string): Promise<number> {
      let total = 0;
      let start: Attributes | undefined;
      do {
        const result = await dynamo.send("Query", {
          TableName,
          KeyConditionExpression: "#p = :p",
          ExpressionAttributeNames: { "#p": definition.partition },
          ExpressionAttributeValues: marshal({ ":p": partition }),
          Select: "COUNT",
          ...(start ? { ExclusiveStartKey: start } : {}),
        });
        total += result.Count ?? 0;
        start = result.LastEvaluatedKey;
      } while (start);
      return total;
    },
  };
}

/** Writes all rows or none. False when a condition did not hold. */
export function putTogether(dynamo: Dynamo, puts: readonly PutInput[]): Promise<boolean> {
  return writeTogether(
    dynamo,
    puts.map((Put) => ({ Put })),
  );
}

/**
 * Does all of up to 100 writes, of up to 4 MB together, or none. False when a condition did not hold.
 * @param writes where they are made anew for each attempt, from 0 on, one that met others may keep out of their way
 * @throws SutureError `unavailable` where others are at the same items all the time
 */
export async function writeTogether(
  dynamo: Dynamo,
  writes: readonly Write[] | ((attempt: number) => Promise<readonly Write[]>),
): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    const all = typeof writes === "function" ? await writes(attempt) : writes;
    const [first, ...more] = all;
    try {
      // In a transaction each write is billed twice
      if (first !== undefined && "Put" in first && more.length === 0) await dynamo.send("PutItem", first.Put);
      else await dynamo.send("TransactWriteItems", { TransactItems: all });
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      if (!(error instanceof TransactionConflict) || attempt + 1 === maxConflicts) throw error;
    }
  }
}

function keyTypes(definition: TableDefinition, keys: { partition: string; sort?: string }): KeyTypes {
  const names = [definition.partition, definition.sort, keys.partition, keys.sort].filter((name) => name !== undefined);
  const isNumber = (name: string) => definition.numericSort === true && name === definition.sort;
  return Object.fromEntries(names.map((name) => [name, isNumber(name) ? "N" : "S"]));
}

/** A list's answer; what the database finds wrong with a cursor that came from outside is the cursor's fault. */
async function continued<T>(cursor: string | undefined, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw cursor !== undefined && isSutureError(error, "internal") ? foreignCursor(error) : error;
  }
}

function expressions({ condition, values = {}, names = {} }: Condition, update = "") {
  const used = `${update} ${condition ?? ""}`.matchAll(/#(\w+)/g);
  const attributeNames = Object.fromEntries([...used].map(([alias, name = ""]) => [alias, names[name] ?? name]));
  const attributeValues = Object.fromEntries(
    Object.entries(marshal(values)).map(([name, value]) => [`:${name}`, value]),
  );
  return {
    ...(condition === undefined
      ? {}
      : { ConditionExpression: condition, ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const }),
    ...(Object.keys(attributeNames).length > 0 ? { ExpressionAttributeNames: attributeNames } : {}),
    ...(Object.keys(attributeValues).length > 0 ? { ExpressionAttributeValues: attributeValues } : {}),
  };
}
