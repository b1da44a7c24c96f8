import { expect, test } from "vitest";
import { SutureError } from "../../protocol/errors.ts";
import { marshal } from "../stores/attributes.ts";
import type { StreamRecord } from "../stores/streams.ts";
import { consume, type SetAside } from "./consume.ts";
import { readSetAside, setAsideMessage } from "./set-aside.ts";

const record = (customer: string, number = 1, table = "suture-states"): StreamRecord => ({
  eventSourceARN: `arn:aws:dynamodb:eu-west-1:1:table/${table}/stream/now`,
  dynamodb: {
    SequenceNumber: String(number),
    ApproximateCreationDateTime: 1,
    Keys: marshal({ machine: customer, patchId: `p-${number}` }),
    NewImage: marshal({ machine: customer, number }),
  },
});

/** A consumer's work that fails for what `isBad` names, after it has done the others of its call or not. */
async function run(Records: StreamRecord[], isBad: (customer: string, number: number) => Error | undefined) {
  const done = new Set<string>();
  const aside: SetAside[] = [];
  const outcome = await consume(
    { Records },
    (changes) => {
      for (const { keys, newImage } of changes) {
        const error = isBad(String(keys.machine), Number(newImage?.number));
        if (error !== undefined) return Promise.reject(error);
        done.add(`${String(keys.machine)} ${String(newImage?.number)}`);
      }
      return Promise.resolve();
    },
    (changes) => Promise.resolve(void aside.push(...changes)),
  ).catch((error: unknown) => error);
  return { done, aside: aside.map(({ record: { dynamodb } }) => dynamodb.SequenceNumber), outcome };
}

test("one change that cannot be worked on is set aside, and all others are done, those behind it in its own row too", async () => {
  const batch = [record("a", 1), record("b", 2), record("a", 3), record("a", 4), record("c", 5)];
  const { done, aside, outcome } = await run(batch, (customer, number) =>
    customer === "a" && number === 3 ? new TypeError("a word that nobody knows") : undefined,
  );
  expect(outcome).toBeUndefined();
  expect(done).toEqual(new Set(["a 1", "a 4", "b 2", "c 5"]));
  expect(aside).toEqual(["3"]);
});

test("a customer whose rows are written by too many at once delays nobody else", async () => {
  const batch = [record("large", 1), record("small", 2), record("large", 3)];
  const busy = new SutureError("unavailable", "too many at once");
  const { done, aside } = await run(batch, (customer) => (customer === "large" ? busy : undefined));
  expect(done).toEqual(new Set(["small 2"]));
  expect(aside).toEqual(["1", "3"]);
});

test("where the database cannot be reached nothing is set aside and the batch comes again", async () => {
  const down = new SutureError("unavailable", "DynamoDB is down");
  const { aside, outcome } = await run([record("a", 1), record("b", 2)], () => down);
  expect(aside).toEqual([]);
  expect(outcome).toBe(down);
});

test("a record of a table that is not the service's is set aside like any other", async () => {
  const { done, aside } = await run([record("a", 1, "foreign"), record("b", 2)], () => undefined);
  expect([done, aside]).toEqual([new Set(["b 2"]), ["1"]]);
});

test("what is set aside fits a queue's message and is read back, and so is the platform's own word of what it gave up", () => {
  const small = record("a", 1);
  expect(readSetAside(setAsideMessage({ record: small, reason: "x" }))).toEqual({ record: small });
  const large = record("a", 1);
  large.dynamodb.NewImage = { ...large.dynamodb.NewImage, manifest: { S: "m".repeat(400_000) } };
  const text = setAsideMessage({ record: large, reason: "x" });
  expect(text.length).toBeLessThan(200_000);
  expect(readSetAside(text)).toEqual({ record: small });
  const DDBStreamBatchInfo = {
    shardId: "shardId-1",
    streamArn: "arn",
    startSequenceNumber: "1",
    endSequenceNumber: "2",
    batchSize: 2,
    approximateArrivalOfFirstRecord: "2026-11-13T00:38:26.068Z",
  };
  const given = readSetAside(JSON.stringify({ requestContext: {}, DDBStreamBatchInfo }));
  expect(given).toMatchObject({ givenUp: { shardId: "shardId-1", endSequenceNumber: "2" } });
});
