import { AwsClient } from "aws4fetch";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Attributes } from "./attributes.ts";
import {
  type CancellationReason,
  ConditionFailed,
  type Dynamo,
  failedCondition,
  type Operation,
  type Operations,
} from "./dynamo.ts";

type Options = {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** where the service is, if not at the region's own address */
  endpoint?: string;
  /** after so long without an answer, retries included, the call is `unavailable` */
  timeLimitMillis?: number;
  fetch?: typeof fetch;
};

/** What DynamoDB answers instead of a result. */
type Fault = { __type?: string; message?: string; Message?: string } & {
  Item?: Attributes;
  CancellationReasons?: CancellationReason[];
};

const retriable = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
  "InternalServerError",
  "TransactionInProgressException",
  "TransactionConflictException",
]);

/**
 * The port over `fetch`, signed with SigV4. Throttling, server faults and broken connections are retried with full jitter, from
 * 25 ms doubling, until the time limit.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */
export function dynamoFetch({ region, credentials, endpoint, timeLimitMillis = 5000, ...options }: Options): Dynamo {
  const url = endpoint ?? `https://dynamodb.${region}.amazonaws.com`;
  const signer = new AwsClient({ ...credentials, region, service: "dynamodb" });
  const send = options.fetch ?? fetch;

  async function attempt(operation: Operation, body: string, signal: AbortSignal): Promise<unknown> {
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `DynamoDB_20120810.${operation}` };
    const response = await send(await signer.sign(url, { method: "POST", headers, body }), { signal });
    if (response.ok) return response.json();
    throw fault(operation, response.status, await response.text());
  }

  return {
    async send<Op extends Operation>(operation: Op, input: Operations[Op]["input"]) {
      const body = JSON.stringify(input);
      const limit = AbortSignal.timeout(timeLimitMillis);
      for (let ceiling = 25; ; ceiling *= 2) {
        try {
          return (await attempt(operation, body, limit)) as Operations[Op]["output"];
        } catch (error) {
          if (error instanceof ConditionFailed || error instanceof SutureError) throw error;
          await pause(Math.random() * ceiling, limit);
          if (limit.aborted) {
            const detail = `${operation} failed: ${describeError(error)}`;
            throw new SutureError("unavailable", detail, { cause: error });
          }
        }
      }
    },
  };
}

/** A refusal that no retry can change is a ConditionFailed or a SutureError; anything else is worth another try. */
function fault(operation: Operation, status: number, text: string): Error {
  const body = parsed(text);
  const type = body.__type?.split("#").at(-1) ?? `HTTP ${status}`;
  if (type === "ConditionalCheckFailedException") return new ConditionFailed(body.Item);
  const reason = failedCondition(body.CancellationReasons);
  if (reason) return new ConditionFailed(reason.Item);
  const sentence = `${type} ${body.message ?? body.Message ?? ""}`.trim();
  if (status >= 500 || retriable.has(type)) return new Error(sentence);
  const code = type === "ValidationException" ? "internal" : "unavailable";
  return new SutureError(code, `${operation} failed: ${sentence}`);
}

function parsed(text: string): Fault {
  try {
    return JSON.parse(text) as Fault;
  } catch {
    // A proxy's page in place of DynamoDB's JSON: the status alone decides.
    return {};
  }
}

function pause(millis: number, limit: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      limit.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, millis);
    limit.addEventListener("abort", done);
    if (limit.aborted) done();
  });
}
