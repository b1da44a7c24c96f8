import { randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { z } from "zod";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { PublishQueue, QueueGauge } from "../jobs/queue.ts";

const Attributes = z.object({ Attributes: z.record(z.string(), z.coerce.number().int()) });

type Options = {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** where the service is, if not at the region's own address */
  endpoint?: string;
};

/**
 * The publish queue as an SQS FIFO queue. The repository is the message group, so that each has one run at a time; every message
 * is new, since one like it may have been worked on a moment ago, before what this one is about.
 * `send` and `waiting` throw SutureError `unavailable`.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function sqsQueue(queueUrl: string, options: Options): PublishQueue & QueueGauge {
  const call = caller(options);

  return {
    async send(message) {
      try {
        await call("SendMessage", {
          QueueUrl: queueUrl,
          MessageBody: JSON.stringify(message),
          MessageGroupId: message.repository,
          MessageDeduplicationId: randomUUID(),
        });
      } catch (cause) {
        const detail = `${message.repository} could not be queued for publishing: ${describeError(cause)}`;
        throw new SutureError("unavailable", detail, { cause });
      }
    },
    async waiting() {
      try {
        const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        const answer = Attributes.parse(await call("GetQueueAttributes", { QueueUrl: queueUrl, AttributeNames }));
        return Object.values(answer.Attributes).reduce((sum, count) => sum + count, 0);
      } catch (cause) {
        throw new SutureError("unavailable", `The publish queue cannot be measured: ${describeError(cause)}`, {
          cause,
        });
      }
    },
  };
}

/**
 * The way to a queue that keeps no order.
 * @returns sends a text that is received after so many seconds (up to 900). Throws SutureError `unavailable`
 */
export function sqsSender(queueUrl: string, options: Options): (text: string, delaySeconds: number) => Promise<void> {
  const call = caller(options);
  return async (text, delaySeconds) => {
    try {
      await call("SendMessage", { QueueUrl: queueUrl, MessageBody: text, DelaySeconds: delaySeconds });
    } catch (cause) {
      throw new SutureError("unavailable", `A message could not be queued: ${describeError(cause)}`, { cause });
    }
  };
}

function caller({ region, credentials, endpoint }: Options): (action: string, body: object) => Promise<unknown> {
  // It retries throttling and server faults itself
  const client = new AwsClient({ ...credentials, region, service: "sqs", retries: 3 });
  return async (action, body) => {
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` };
    const url = endpoint ?? `https://sqs.${region}.amazonaws.com/`;
    const response = await client.fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`SQS answered ${response.status}: ${await response.text()}`);
    return await response.json();
  };
}
