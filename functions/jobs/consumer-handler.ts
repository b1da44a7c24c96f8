import { describeError } from "../../protocol/errors.ts";
import { endpointOf, fromEnvironment, roleOf } from "../environment.ts";
import { sqsSender } from "../stores/sqs-queue.ts";
import { readStreamRecords } from "../stores/stream-records.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import { consume, type Work } from "./consume.ts";
import { setAsideRetries } from "./consumers.ts";
import { readSetAside, setAsideMessage } from "./set-aside.ts";

/** What Lambda brings from the queue of retries. */
type QueueEvent = { Records: { eventSource: "aws:sqs"; messageId: string; body: string }[] };
/** Which messages are to come again. */
type Answer = { batchItemFailures: { itemIdentifier: string }[] };

/**
 * A stream's consumer as a Lambda function, behind its tables' streams and its own queue of retries. What it throws makes the stream give
 * it the batch again.
 */
export function consumerHandler(work: Work): (event: StreamEvent | QueueEvent) => Promise<Answer> {
  const send = sqsSender(fromEnvironment("SUTURE_RETRIES_QUEUE_URL"), { ...roleOf(), ...endpointOf("SQS") });

  async function retry({ body }: QueueEvent["Records"][number]): Promise<void> {
    const found = readSetAside(body);
    const Records =
      "record" in found ? [found.record] : await readStreamRecords(found.givenUp, endpointOf("DYNAMODB_STREAMS"));
    if (Records.length === 1) return void (await work(tableChanges({ Records })));
    await consume({ Records }, work, keep);
  }
  async function keep(changes: Parameters<Parameters<typeof consume>[2]>[0]): Promise<void> {
    for (const change of changes) {
      console.error(JSON.stringify({ setAside: change.record.dynamodb.Keys, reason: change.reason }));
      await send(setAsideMessage(change), setAsideRetries.delaySeconds);
    }
  }

  return async (event) => {
    const batchItemFailures: Answer["batchItemFailures"] = [];
    if (!isOfQueue(event)) {
      await consume(event, work, keep);
      return { batchItemFailures };
    }
    for (const message of event.Records) {
      try {
        await retry(message);
      } catch (error) {
        console.error(JSON.stringify({ retry: message.messageId, reason: describeError(error) }));
        batchItemFailures.push({ itemIdentifier: message.messageId });
      }
    }
    return { batchItemFailures };
  };
}

function isOfQueue(event: StreamEvent | QueueEvent): event is QueueEvent {
  const [first] = event.Records;
  return first !== undefined && "eventSource" in first && first.eventSource === "aws:sqs";
}
