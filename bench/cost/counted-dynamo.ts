import { isDeepStrictEqual } from "node:util";
import type { Attributes } from "../../functions/stores/attributes.ts";
import type { Dynamo, Operation, Operations } from "../../functions/stores/dynamo.ts";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";
import { prices } from "./prices.ts";

/** Units as DynamoDB bills them on demand, those of a table of another class in units of the standard one. */
export type TableUnits = { readUnits: number; writeUnits: number };

const definitions = new Map<string, TableDefinition>(
  Object.values<TableDefinition>(tables).map((table) => [tableName(table), table]),
);

type Place = { table: string; key: Attributes };

/**
 * A database that counts what its use would cost: reads in 4 KB, half where they need not be consistent; writes in 1 KB of the larger of
 * what was and what is there, twice in a transaction, and once more for each index that carries what changed, twice where its key did. The
 * record of changes is left out: its reads are an instance's, not a machine's.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
 */
export function countedDynamo(dynamo: Dynamo): { dynamo: Dynamo; units: TableUnits } {
  const units = { readUnits: 0, writeUnits: 0 };
  const read = (items: readonly (Attributes | undefined)[], isConsistent = false) => {
    const bytes = items.reduce((sum, item) => sum + sizeOf(item), 0);
    units.readUnits += Math.ceil(Math.max(bytes, 1) / 4096) * (isConsistent ? 1 : 0.5);
  };

  async function itemAt({ table, key }: Place): Promise<Attributes | undefined> {
    return (await dynamo.send("GetItem", { TableName: table, Key: key, ConsistentRead: true })).Item;
  }

  function countRead(operation: Operation, input: unknown, output: unknown): void {
    const { ConsistentRead } = input as { ConsistentRead?: boolean };
    if (operation === "GetItem") read([(output as Operations["GetItem"]["output"]).Item], ConsistentRead);
    if (operation === "Query") read((output as Operations["Query"]["output"]).Items ?? [], ConsistentRead);
    if (operation === "BatchGetItem") {
      const { Responses = {} } = output as Operations["BatchGetItem"]["output"];
      for (const item of Object.values(Responses).flat()) read([item]);
    }
  }

  return {
    units,
    dynamo: {
      async send(operation, input) {
        const isOfChanges = "TableName" in input && input.TableName === tableName(tables.changes);
        const places = isOfChanges ? [] : placesOf(operation, input);
        const before = await Promise.all(places.map(itemAt));
        const output = await dynamo.send(operation, input);
        const after = await Promise.all(places.map(itemAt));
        const phases = operation === "TransactWriteItems" ? 2 : 1;
        for (const [at, { table }] of places.entries())
          units.writeUnits += writeUnits(table, before[at], after[at], phases);
        if (!isOfChanges) countRead(operation, input, output);
        return output;
      },
    },
  };
}

/** The items that an operation writes. */
function placesOf(operation: Operation, input: unknown): Place[] {
  const keyOf = (table: string, item: Attributes): Place => {
    const { partition = "", sort } = definitions.get(table) ?? {};
    const names = [partition, ...(sort === undefined ? [] : [sort])];
    return { table, key: Object.fromEntries(names.flatMap((name) => (item[name] ? [[name, item[name]]] : []))) };
  };
  if (operation === "PutItem") {
    const { TableName, Item } = input as Operations["PutItem"]["input"];
    return [keyOf(TableName, Item)];
  }
  if (operation === "UpdateItem" || operation === "DeleteItem") {
    const { TableName, Key } = input as Operations["UpdateItem" | "DeleteItem"]["input"];
    return [{ table: TableName, key: Key }];
  }
  if (operation !== "TransactWriteItems") return [];
  const { TransactItems } = input as Operations["TransactWriteItems"]["input"];
  return TransactItems.map((each) => {
    if ("Put" in each) return keyOf(each.Put.TableName, each.Put.Item);
    const { TableName, Key } = "Update" in each ? each.Update : each.Delete;
    return { table: TableName, key: Key };
  });
}

/** What a write costs: the item, `phases` times, and each index that is told of it. */
function writeUnits(table: string, before: Attributes | undefined, after: Attributes | undefined, phases: number) {
  const bytes = Math.max(sizeOf(before), sizeOf(after));
  const ofIndexes = Object.values(definitions.get(table)?.indexes ?? {}).map(({ partition, sort, carries }) => {
    const isIn = (item: Attributes | undefined) => item?.[partition] !== undefined && item[sort] !== undefined;
    const differs = (name: string) => !isDeepStrictEqual(before?.[name], after?.[name]);
    const entries = Number(isIn(before)) + Number(isIn(after));
    const size = unitsOf(carries === undefined ? bytes : Math.min(bytes, 1024));
    if (entries < 2 || differs(partition) || differs(sort)) return entries * size;
    const told = carries ?? Object.keys({ ...before, ...after });
    return told.some(differs) ? size : 0;
  });
  const dearer = definitions.get(table)?.seldomRead
    ? prices.perMillion.seldomReadWriteUnits / prices.perMillion.writeUnits
    : 1;
  return (unitsOf(bytes) * phases + ofIndexes.reduce((sum, each) => sum + each, 0)) * dearer;
}

function unitsOf(bytes: number): number {
  return Math.ceil(Math.max(bytes, 1) / 1024);
}

/** An item's size: names and values in UTF-8. */
export function sizeOf(item: Attributes = {}): number {
  return Object.entries(item).reduce((sum, [name, value]) => {
    const [content = ""] = Object.values(value);
    const text = typeof content === "string" ? content : JSON.stringify(content);
    return sum + Buffer.byteLength(name) + Buffer.byteLength(text);
  }, 0);
}
