import type { Attributes } from "../../functions/stores/attributes.ts";
import type { Dynamo, Operation, Operations } from "../../functions/stores/dynamo.ts";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";

/** Units as DynamoDB bills them on demand. */
export type TableUnits = { readUnits: number; writeUnits: number };

const definitions = new Map<string, TableDefinition>(
  Object.values<TableDefinition>(tables).map((table) => [tableName(table), table]),
);

/**
 * A database that counts what its use would cost: reads in 4 KB, half where they need not be consistent; writes in 1 KB, twice in a
 * transaction, and once more for each index that carries what changed, twice where its key did. The record of changes is left out: its reads are an instance's, not a machine's.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
 */
export function countedDynamo(dynamo: Dynamo): { dynamo: Dynamo; units: TableUnits } {
  const units = { readUnits: 0, writeUnits: 0 };
  const read = (bytes: number, consistent: boolean | undefined) => {
    units.readUnits += Math.ceil(Math.max(bytes, 1) / 4096) * (consistent === true ? 1 : 0.5);
  };
  const write = (
    table: string,
    bytes: number,
    { changed, phases = 1 }: { changed?: string[]; phases?: number } = {},
  ) => {
    units.writeUnits += unitsOf(bytes) * phases;
    for (const { partition, sort, carries } of Object.values(definitions.get(table)?.indexes ?? {})) {
      const size = carries === undefined ? bytes : Math.min(bytes, 1024);
      const isMoved = changed?.some((name) => name === partition || name === sort) ?? false;
      const isTold = changed === undefined || carries === undefined || changed.some((name) => carries.includes(name));
      units.writeUnits += unitsOf(size) * (isMoved ? 2 : isTold ? 1 : 0);
    }
  };

  function count(operation: Operation, input: unknown, output: unknown): void {
    switch (operation) {
      case "GetItem": {
        const { ConsistentRead } = input as Operations["GetItem"]["input"];
        read(sizeOf((output as Operations["GetItem"]["output"]).Item), ConsistentRead);
        break;
      }
      case "Query": {
        const { ConsistentRead } = input as Operations["Query"]["input"];
        const { Items = [] } = output as Operations["Query"]["output"];
        read(
          Items.reduce((sum, item) => sum + sizeOf(item), 0),
          ConsistentRead,
        );
        break;
      }
      case "BatchGetItem": {
        const { Responses = {} } = output as Operations["BatchGetItem"]["output"];
        for (const item of Object.values(Responses).flat()) read(sizeOf(item), false);
        break;
      }
      case "Scan":
        // It reads every machine for all of them: the bill counts it
        break;
      case "PutItem": {
        const { TableName, Item } = input as Operations["PutItem"]["input"];
        write(TableName, sizeOf(Item));
        break;
      }
      case "DeleteItem":
        // What was there is not told: an item of up to 1 KB, as a policy or a pin is
        write((input as Operations["DeleteItem"]["input"]).TableName, 1);
        break;
      case "UpdateItem": {
        const { TableName, ...update } = input as Operations["UpdateItem"]["input"];
        const { Attributes } = output as Operations["UpdateItem"]["output"];
        write(TableName, sizeOf(Attributes), { changed: changedBy(update) });
        break;
      }
      case "TransactWriteItems": {
        const { TransactItems } = input as Operations["TransactWriteItems"]["input"];
        for (const each of TransactItems) {
          // An update in a transaction does not say how large the item became: counted as what it wrote
          const [table, item] =
            "Put" in each
              ? [each.Put.TableName, each.Put.Item]
              : "Update" in each
                ? [each.Update.TableName, each.Update.ExpressionAttributeValues]
                : [each.Delete.TableName, each.Delete.Key];
          write(table, sizeOf(item), { phases: 2, ...("Update" in each && { changed: changedBy(each.Update) }) });
        }
      }
    }
  }

  return {
    units,
    dynamo: {
      async send(operation, input) {
        const output = await dynamo.send(operation, input);
        if (!("TableName" in input && input.TableName === tableName(tables.changes))) count(operation, input, output);
        return output;
      },
    },
  };
}

/** The attributes that an update sets, adds to or removes. */
function changedBy(update: Pick<Operations["UpdateItem"]["input"], "UpdateExpression" | "ExpressionAttributeNames">) {
  const { UpdateExpression, ExpressionAttributeNames: names = {} } = update;
  const changed = UpdateExpression.matchAll(/(#\w+)(?= (?:=|:)|,|$)/g);
  return [...changed].map(([alias]) => names[alias] ?? alias);
}

function unitsOf(bytes: number): number {
  return Math.ceil(Math.max(bytes, 1) / 1024);
}

/** An item's size: names and values in UTF-8. */
function sizeOf(item: Attributes = {}): number {
  return Object.entries(item).reduce((sum, [name, value]) => {
    const [content = ""] = Object.values(value);
    const text = typeof content === "string" ? content : JSON.stringify(content);
    return sum + Buffer.byteLength(name) + Buffer.byteLength(text);
  }, 0);
}
