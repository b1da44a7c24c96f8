import { AwsClient } from "aws4fetch";
import { describeError, SutureError } from "../../protocol/errors.ts";

type Options = {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** where the service is, if not at the region's own address */
  endpoint?: string;
};

/**
 * Reads a parameter of AWS Systems Manager, by signed fetch. Throws SutureError `unavailable`.
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
export function parameterReader({ region, credentials, endpoint }: Options): (name: string) => Promise<string> {
  const client = new AwsClient({ ...credentials, region, service: "ssm", retries: 3 });
  return async (name) => {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.GetParameter" };
    try {
      const url = endpoint ?? `https://ssm.${region}.amazonaws.com/`;
      const response = await client.fetch(url, { method: "POST", headers, body: JSON.stringify({ Name: name }) });
      if (!response.ok) throw new Error(`Systems Manager answered ${response.status}: ${await response.text()}`);
      return ((await response.json()) as { Parameter: { Value: string } }).Parameter.Value;
    } catch (cause) {
      throw new SutureError("unavailable", `The parameter ${name} cannot be read: ${describeError(cause)}`, { cause });
    }
  };
}
