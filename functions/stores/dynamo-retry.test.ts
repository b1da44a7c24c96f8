import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { TransactionConflict } from "./dynamo.ts";
import { dynamoFetch } from "./dynamo-fetch.ts";
import { dynamoSdk } from "./dynamo-sdk.ts";

type Answer = [status: number, body: object];
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A database that gives these answers in turn, the last for ever; `asked` is what it was sent. */
async function answering(...answers: Answer[]) {
  const asked: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      asked.push(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
      const [status, body] = answers[Math.min(asked.length, answers.length) - 1] ?? [500, {}];
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { asked, at: { region: "us-east-1", endpoint, credentials: { accessKeyId: "a", secretAccessKey: "b" } } };
}

const type = (name: string) => ({ __type: `com.amazonaws.dynamodb.v20120810#${name}` });
const cancelled = (...codes: string[]): Answer => [
  400,
  { ...type("TransactionCanceledException"), CancellationReasons: codes.map((Code) => ({ Code })) },
];
const ok: Answer = [200, {}];
const put = { Put: { TableName: "t", Item: { k: { S: "a" } } } };
const adding = { TableName: "t", Key: { k: { S: "a" } }, UpdateExpression: "SET #n = #n - :one" };

describe.each([
  ["the AWS SDK", dynamoSdk],
  ["signed fetch", dynamoFetch],
] as const)("DynamoDB by %s", (_, open) => {
  test("a transaction that meets another is sent again, under one token, until it is done", async () => {
    const { asked, at } = await answering(cancelled("None", "TransactionConflict"), cancelled("ThrottlingError"), ok);
    await open(at).send("TransactWriteItems", { TransactItems: [put, put] });
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map(({ ClientRequestToken }) => ClientRequestToken)).size).toBe(1);
    expect(asked[0]?.ClientRequestToken).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("one that meets others every time says so after five, so that its writer can keep out of their way", async () => {
    const { asked, at } = await answering(cancelled("TransactionConflict"));
    await expect(open(at).send("TransactWriteItems", { TransactItems: [put] })).rejects.toThrow(TransactionConflict);
    expect(asked).toHaveLength(5);
  });

  test("a failed condition is told at once, whatever else there was", async () => {
    const { asked, at } = await answering(cancelled("TransactionConflict", "ConditionalCheckFailed"));
    await expect(open(at).send("TransactWriteItems", { TransactItems: [put, put] })).rejects.toMatchObject({
      name: "ConditionFailed",
    });
    expect(asked).toHaveLength(1);
  });

  test("an update that adds is sent again where it was refused, and not where it may have been done", async () => {
    const throttled: Answer = [400, type("ProvisionedThroughputExceededException")];
    const conflict: Answer = [400, type("TransactionConflictException")];
    const failing: Answer = [500, type("InternalServerError")];
    const refused = await answering(throttled, conflict, ok);
    await open(refused.at).send("UpdateItem", adding);
    expect(refused.asked).toHaveLength(3);
    const lost = await answering(failing, ok);
    await expect(open(lost.at).send("UpdateItem", adding)).rejects.toMatchObject({ code: "unavailable" });
    expect(lost.asked).toHaveLength(1);
    const setting = await answering(failing, ok);
    await open(setting.at).send("UpdateItem", { ...adding, UpdateExpression: "SET #n = :one" });
    expect(setting.asked).toHaveLength(2);
  });

  test("an item that is larger than DynamoDB keeps is too large, and no fault of the service", async () => {
    const message = "Item size has exceeded the maximum allowed size";
    const { at } = await answering([400, { ...type("ValidationException"), message }]);
    await expect(open(at).send("PutItem", put.Put)).rejects.toMatchObject({ code: "too-large" });
  });
});
