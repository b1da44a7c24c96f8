import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";
import { sizeOf } from "./counted-dynamo.ts";

/** DynamoDB's own, for each item and each entry of an index. */
const overhead = 100;

/** What storage of some tables, with their indexes, is billed for: each item, there and in each index. Bytes. */
export async function bytesAtRest(
  endpoint: Parameters<typeof dynamoFetch>[0],
  names: readonly (keyof typeof tables)[],
) {
  const dynamo = dynamoFetch(endpoint);
  let bytes = 0;
  for (const name of names) {
    const definition: TableDefinition = tables[name];
    const everything = { FilterExpression: `attribute_exists(${definition.partition})` };
    const { Items = [] } = await dynamo.send("Scan", { TableName: tableName(definition), ...everything });
    for (const item of Items) {
      bytes += overhead + sizeOf(item);
      for (const { partition, sort, carries } of Object.values(definition.indexes ?? {})) {
        if (item[partition] === undefined || item[sort] === undefined) continue;
        const kept = [definition.partition, definition.sort ?? "", partition, sort, ...(carries ?? Object.keys(item))];
        bytes +=
          overhead + sizeOf(Object.fromEntries(Object.entries(item).filter(([attribute]) => kept.includes(attribute))));
      }
    }
  }
  return bytes;
}
