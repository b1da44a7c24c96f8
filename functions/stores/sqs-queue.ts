import { randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { PublishQueue } from "../jobs/queue.ts";

type Options = {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** where the service is, if not at the region's own address */
  endpoint?: string;
};

/**
 * The publish queue as an SQS FIFO queue. The repository is the message group, so that each has one run at a time; every message
 * is new, since one like it may have been worked on a moment ago, before what this one is about.
 * `send` throws SutureError `unavailable`.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export function sqsQueue(queueUrl: string, { region, credentials, endpoint }: Options): PublishQueue {
  // It retries throttling and server faults itself
  const client = new AwsClient({ ...credentials, region, service: "sqs", retries: 3 });
  return {
    async send(message) {
      const body = JSON.stringify({
        QueueUrl: queueUrl,
        MessageBody: JSON.stringify(message),
        MessageGroupId: message.repository,
        MessageDeduplicationId: randomUUID(),
      });
      const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage" };
      try {
        const url = endpoint ?? `https://sqs.${region}.amazonaws.com/`;
        const response = await client.fetch(url, { method: "POST", headers, body });
        if (!response.ok) throw new Error(`SQS answered ${response.status}: ${await response.text()}`);
      } catch (cause) {
        const detail = `${message.repository} could not be queued for publishing: ${describeError(cause)}`;
        throw new SutureError("unavailable", detail, { cause });
      }
    },
  };
}
