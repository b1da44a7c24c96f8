import { setTimeout as sleep } from "node:timers/promises";
import { DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import { toStreamRecord } from "../../functions/stores/stream-records.ts";
import type { StreamEvent } from "../../functions/stores/streams.ts";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";
import type { LocalDynamo } from "./dynamodb.ts";

const pollMillis = 250;
const retryMillis = 1000;

type Streams = {
  /** What came since the last call, each table's in order; nothing where nothing did. The first call begins at the oldest change kept. */
  read(): Promise<StreamEvent[]>;
  close(): void;
};

/** Opens the streams of the tables that have one. */
export function openStreams(local: LocalDynamo, definitions = Object.values<TableDefinition>(tables)): Streams {
  const client = new DynamoDBStreamsClient(local);
  const followed = definitions
    .filter((definition) => definition.stream)
    .map((definition) => ({ arn: streamArn(local, definition), positions: new Map<string, string | undefined>() }));

  /** @param positions shard → where to read on; undefined once it is read to its end */
  async function readOne(arn: string, positions: Map<string, string | undefined>): Promise<StreamEvent[]> {
    if (![...positions.values()].some((position) => position !== undefined)) await findShards(client, arn, positions);
    const events: StreamEvent[] = [];
    for (const [shard, position] of positions) {
      if (position === undefined) continue;
      const { Records = [], NextShardIterator } = await client.send(new GetRecordsCommand({ ShardIterator: position }));
      positions.set(shard, NextShardIterator);
      if (Records.length > 0) events.push({ Records: Records.map((record) => toStreamRecord(arn, record)) });
    }
    return events;
  }
  return {
    async read() {
      return (await Promise.all(followed.map(async ({ arn, positions }) => readOne(await arn, positions)))).flat();
    },
    close: () => client.destroy(),
  };
}

/**
 * Does for the embedded database what AWS does between tables' streams and a Lambda: calls `handler` with batches, each table's in
 * order and one at a time, and again with the same batch until it succeeds. Starts at the oldest change that the stream still has.
 * `onError` hears of each failure. `stop` returns when no call is under way.
 */
export function followStreams(
  local: LocalDynamo,
  followed: readonly (keyof typeof tables)[],
  handler: (event: StreamEvent) => Promise<unknown>,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();

  async function follow(table: keyof typeof tables): Promise<void> {
    const streams = openStreams(local, [tables[table]]);
    try {
      while (!stopping.signal.aborted) {
        for (const event of await streams.read()) await handler(event);
        await pause(pollMillis);
      }
    } finally {
      streams.close();
    }
  }

  /** From the start again after a failure: a batch may come twice, never less than once. */
  async function persist(table: keyof typeof tables): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await follow(table);
      } catch (error) {
        onError(error);
        await pause(retryMillis);
      }
    }
  }

  async function pause(millis: number): Promise<void> {
    await sleep(millis, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  const running = followed.map(persist);
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function streamArn(local: LocalDynamo, definition: TableDefinition): Promise<string> {
  const client = new DynamoDBClient(local);
  const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName(definition) }));
  client.destroy();
  if (Table?.LatestStreamArn === undefined) throw new TypeError(`${definition.name} has no stream`);
  return Table.LatestStreamArn;
}

async function findShards(
  client: DynamoDBStreamsClient,
  StreamArn: string,
  positions: Map<string, string | undefined>,
): Promise<void> {
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn }));
  for (const { ShardId } of StreamDescription?.Shards ?? []) {
    if (ShardId === undefined || positions.has(ShardId)) continue;
    const start = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    positions.set(ShardId, (await client.send(new GetShardIteratorCommand(start))).ShardIterator);
  }
}
