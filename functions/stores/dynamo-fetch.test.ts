import { describe, expect, test } from "vitest";
import { dynamoFetch } from "./dynamo-fetch.ts";

const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
const get = { TableName: "t", Key: { k: { S: "v" } } };
const fault = (status: number, type: string) => Response.json({ __type: `com.amazonaws.dynamodb#${type}` }, { status });

/** A transport whose server gives these answers in turn, the last for ever; `requests` are what it was sent. */
function answering(...answers: (() => Response)[]) {
  const requests: Request[] = [];
  const fake = async (request: Request) => {
    requests.push(request);
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    if (!answer) throw new TypeError("no answer");
    return answer();
  };
  const options = { region: "eu-west-1", credentials, timeLimitMillis: 3000, fetch: fake as unknown as typeof fetch };
  return { dynamo: dynamoFetch(options), requests };
}

describe("DynamoDB by signed fetch", () => {
  test("throttling, server faults and broken connections are tried again until an answer comes", async () => {
    const { dynamo, requests } = answering(
      () => fault(400, "ProvisionedThroughputExceededException"),
      () => new Response("<html>bad gateway", { status: 502 }),
      () => {
        throw new TypeError("fetch failed");
      },
      () => Response.json({ Item: { a: { N: "1" } } }),
    );
    expect(await dynamo.send("GetItem", get)).toEqual({ Item: { a: { N: "1" } } });
    expect(requests).toHaveLength(4);
    expect(requests[3]?.url).toBe("https://dynamodb.eu-west-1.amazonaws.com/");
    expect(requests[3]?.headers.get("x-amz-target")).toBe("DynamoDB_20120810.GetItem");
    expect(requests[3]?.headers.get("authorization")).toMatch(
      /Credential=id\/\d{8}\/eu-west-1\/dynamodb\/aws4_request/,
    );
  });

  test("a service that does not recover within the time limit is unavailable", async () => {
    const { dynamo, requests } = answering(() => fault(500, "InternalServerError"));
    await expect(dynamo.send("GetItem", get)).rejects.toMatchObject({ code: "unavailable" });
    expect(requests.length).toBeGreaterThan(2);
  });

  test("a refusal that no retry can change is not retried", async () => {
    for (const [type, code] of [
      ["ValidationException", "internal"],
      ["AccessDeniedException", "unavailable"],
    ] as const) {
      const { dynamo, requests } = answering(() => fault(400, type));
      await expect(dynamo.send("GetItem", get)).rejects.toMatchObject({ code });
      expect(requests).toHaveLength(1);
    }
  });
});
