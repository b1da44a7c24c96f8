import { AwsClient } from "aws4fetch";
import { describeError, SutureError } from "../../protocol/errors.ts";

type Options = {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** where the service is, if not at the region's own address */
  endpoint?: string;
};

/**
 * Has a Lambda function run with this event, and does not wait for it.
 * @throws SutureError `unavailable`
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function invokeLater(
  name: string,
  event: object,
  { region, credentials, endpoint = `https://lambda.${region}.amazonaws.com` }: Options,
): Promise<void> {
  const client = new AwsClient({ ...credentials, region, service: "lambda", retries: 3 });
  const url = `${endpoint}/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
  try {
    const headers = { "content-type": "application/json", "x-amz-invocation-type": "Event" };
    const response = await client.fetch(url, { method: "POST", headers, body: JSON.stringify(event) });
    if (!response.ok) throw new Error(`Lambda answered ${response.status}: ${await response.text()}`);
  } catch (cause) {
    throw new SutureError("unavailable", `${name} could not be asked to run: ${describeError(cause)}`, { cause });
  }
}
