import { AwsClient } from "aws4fetch";
import { describeError, SutureError } from "../../protocol/errors.ts";

type Options = {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** where the service is, if not at the region's own address */
  endpoint?: string;
};

/**
 * Secrets that functions share, in AWS Secrets Manager, by signed fetch: agent-api's bundle holds no SDK.
 * Both methods throw SutureError `unavailable`.
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export function secretsManager({ region, credentials, endpoint }: Options) {
  const client = new AwsClient({ ...credentials, region, service: "secretsmanager", retries: 3 });
  const url = endpoint ?? `https://secretsmanager.${region}.amazonaws.com/`;

  async function call(operation: string, input: object): Promise<{ SecretString?: string }> {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": `secretsmanager.${operation}` };
    try {
      const response = await client.fetch(url, { method: "POST", headers, body: JSON.stringify(input) });
      if (!response.ok) throw new Error(`Secrets Manager answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as { SecretString?: string };
    } catch (cause) {
      throw new SutureError("unavailable", `${operation} failed: ${describeError(cause)}`, { cause });
    }
  }

  return {
    /** The newest value of a secret, by its name or ARN. */
    async read(secret: string): Promise<string> {
      const { SecretString } = await call("GetSecretValue", { SecretId: secret });
      if (SecretString === undefined) throw new SutureError("unavailable", `${secret} holds no text`);
      return SecretString;
    },
    /** Puts a new value in the place of the newest. */
    async write(secret: string, value: string): Promise<void> {
      await call("PutSecretValue", { SecretId: secret, SecretString: value });
    },
  };
}
