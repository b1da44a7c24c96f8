import type { ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  ListTablesCommand,
  ResourceInUseException,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";
import { SutureError } from "../../protocol/errors.ts";
import { freePort, spawnBound, stopBound } from "./bound-process.ts";

/** How to reach a DynamoDB that is not the cloud's; fits both of the stores' transports and the streams client. */
export type LocalDynamo = {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
};

/**
 * Starts the embedded database with all tables, in memory or in `dataFile`. It ends when this process does, even by SIGKILL.
 * Throws SutureError `unavailable` when it does not come up.
 */
export async function startDynamo({
  dataFile,
}: {
  dataFile?: string;
} = {}): Promise<LocalDynamo & { stop: () => Promise<void> }> {
  if (dataFile !== undefined) await mkdir(dirname(dataFile), { recursive: true, mode: 0o700 });
  const port = await freePort();
  const child = spawnBound(databaseProgram(), [
    "serve",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    ...(dataFile === undefined ? [] : ["--db-path", dataFile]),
  ]);
  const local: LocalDynamo = {
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  };
  try {
    await untilItAnswers(local, child);
    await createTables(local);
  } catch (error) {
    await stopBound(child);
    throw error;
  }
  return { ...local, stop: () => stopBound(child) };
}

/** Creates the tables that are not there yet. */
export async function createTables(config: DynamoDBClientConfig): Promise<void> {
  const client = new DynamoDBClient(config);
  for (const definition of Object.values<TableDefinition>(tables)) await createTable(client, definition);
  client.destroy();
}

async function createTable(client: DynamoDBClient, definition: TableDefinition): Promise<void> {
  const TableName = tableName(definition);
  try {
    await client.send(new CreateTableCommand({ ...describeTable(definition), BillingMode: "PAY_PER_REQUEST" }));
  } catch (error) {
    if (error instanceof ResourceInUseException) return await addStream(client, definition);
    throw error;
  }
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { TableName });
  if (definition.ttl === undefined) return;
  const TimeToLiveSpecification = { AttributeName: definition.ttl, Enabled: true };
  await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
}

/** Gives a table of an earlier release the stream that it has now. */
async function addStream(client: DynamoDBClient, definition: TableDefinition): Promise<void> {
  const { StreamSpecification } = describeTable(definition);
  const TableName = tableName(definition);
  if (StreamSpecification === undefined) return;
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  if (Table?.LatestStreamArn !== undefined) return;
  await client.send(new UpdateTableCommand({ TableName, StreamSpecification }));
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { TableName });
}

/** A table in the words of DynamoDB: keys, indexes, stream. */
export function describeTable(definition: TableDefinition) {
  const indexes = Object.entries(definition.indexes ?? {});
  const keys = [definition, ...indexes.map(([, index]) => index)].flatMap(({ partition, sort }) => [partition, sort]);
  const types = [...new Set(keys.filter((name) => name !== undefined))].map((name) => ({
    AttributeName: name,
    AttributeType: definition.numericSort && name === definition.sort ? ("N" as const) : ("S" as const),
  }));
  return {
    TableName: tableName(definition),
    AttributeDefinitions: types,
    KeySchema: keySchema(definition),
    ...(indexes.length > 0 && {
      GlobalSecondaryIndexes: indexes.map(([IndexName, index]) => ({
        IndexName,
        KeySchema: keySchema(index),
        Projection: projectionOf(index.carries),
      })),
    }),
    ...(definition.stream && {
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" as const },
    }),
  };
}

function projectionOf(carries: readonly string[] | undefined) {
  if (carries === undefined) return { ProjectionType: "ALL" as const };
  if (carries.length === 0) return { ProjectionType: "KEYS_ONLY" as const };
  return { ProjectionType: "INCLUDE" as const, NonKeyAttributes: [...carries] };
}

function keySchema({ partition, sort }: { partition: string; sort?: string }) {
  const hash = { AttributeName: partition, KeyType: "HASH" as const };
  return sort === undefined ? [hash] : [hash, { AttributeName: sort, KeyType: "RANGE" as const }];
}

/**
 * Where the embedded database's program is.
 * @throws SutureError `unavailable`
 */
export function databaseProgram(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/dynoxide`);
  } catch (cause) {
    throw new SutureError("unavailable", `The embedded database's package ${name} is not installed`, { cause });
  }
}

async function untilItAnswers(local: LocalDynamo, child: ChildProcess): Promise<void> {
  const client = new DynamoDBClient({ ...local, maxAttempts: 1 });
  for (const deadline = Date.now() + 10_000; ; await sleep(20)) {
    try {
      await client.send(new ListTablesCommand({}));
      client.destroy();
      return;
    } catch (cause) {
      if (child.exitCode === null && Date.now() < deadline) continue;
      throw new SutureError("unavailable", "The embedded database did not start", { cause });
    }
  }
}
