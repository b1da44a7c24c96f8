import { afterAll, beforeAll, expect, test } from "vitest";
import { sqsQueue } from "../../functions/stores/sqs-queue.ts";
import { describeWithPeer, goaws, type RunningPeer, startPeer } from "../support/peers.ts";

await describeWithPeer("an SQS", goaws, () => {
  let peer: RunningPeer;
  beforeAll(async () => {
    peer = await startPeer(goaws);
  });
  afterAll(() => peer?.stop());

  /** Calls SQS as its documentation says, with nothing of ours between. */
  async function call(operation: string, input: object) {
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${operation}` };
    const response = await fetch(peer.endpoint, { method: "POST", headers, body: JSON.stringify(input) });
    // DeleteMessage answers nothing at all
    return JSON.parse((await response.text()) || "{}") as {
      QueueUrl: string;
      Messages?: { Body: string; ReceiptHandle: string }[];
    };
  }

  test("each wish to publish arrives, a second one for the same repository too", async () => {
    const { QueueUrl } = await call("CreateQueue", { QueueName: "publish.fifo", Attributes: { FifoQueue: "true" } });
    const queue = sqsQueue(QueueUrl, peer);
    const received = [];
    for (const repository of ["acme", "acme", "other"]) {
      await queue.send({ repository });
      const { Messages = [] } = await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
      for (const { Body, ReceiptHandle } of Messages) {
        received.push(JSON.parse(Body));
        await call("DeleteMessage", { QueueUrl, ReceiptHandle });
      }
    }
    expect(received).toEqual([{ repository: "acme" }, { repository: "acme" }, { repository: "other" }]);
  });

  test("a queue that is not there is `unavailable`", async () => {
    const queue = sqsQueue(`${peer.endpoint}/000000000000/none.fifo`, peer);
    await expect(queue.send({ repository: "acme" })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("NonExistentQueue"),
    });
  });
});
