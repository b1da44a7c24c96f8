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
import { CallFailed, faultOf, withRetries } from "./dynamo-retry.ts";

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
type Answer = { __type?: string; message?: string; Message?: string } & {
  Item?: Attributes;
  CancellationReasons?: CancellationReason[];
};

/**
 * The port over `fetch`, signed with SigV4, with the retries of `dynamo-retry.ts`.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */
export function dynamoFetch({ region, credentials, endpoint, timeLimitMillis = 5000, ...options }: Options): Dynamo {
  const url = endpoint ?? `https://dynamodb.${region}.amazonaws.com`;
  const signer = new AwsClient({ ...credentials, region, service: "dynamodb" });
  const send = options.fetch ?? fetch;

  async function attempt(operation: Operation, input: object, signal: AbortSignal): Promise<unknown> {
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `DynamoDB_20120810.${operation}` };
    const request = await signer.sign(url, { method: "POST", headers, body: JSON.stringify(input) });
    let response: Response;
    try {
      response = await send(request, { signal });
      if (response.ok) return await response.json();
      throw fault(operation, response.status, await response.text());
    } catch (error) {
      if (error instanceof CallFailed || error instanceof ConditionFailed || error instanceof SutureError) throw error;
      throw new CallFailed("lost", describeError(error), { cause: error });
    }
  }

  return {
    async send<Op extends Operation>(operation: Op, input: Operations[Op]["input"]) {
      const call = (sent: object, limit: AbortSignal) => attempt(operation, sent, limit);
      return (await withRetries(operation, input, call, timeLimitMillis)) as Operations[Op]["output"];
    },
  };
}

function fault(operation: Operation, status: number, text: string): Error {
  const body = parsed(text);
  const type = body.__type?.split("#").at(-1) ?? `HTTP ${status}`;
  if (type === "ConditionalCheckFailedException") return new ConditionFailed(body.Item);
  const reason = failedCondition(body.CancellationReasons);
  if (reason) return new ConditionFailed(reason.Item);
  const message = body.message ?? body.Message ?? "";
  return faultOf(operation, { type, message, status, reasons: body.CancellationReasons });
}

function parsed(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    // A proxy's page in place of DynamoDB's JSON: the status alone decides.
    return {};
  }
}
