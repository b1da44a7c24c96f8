import { SutureError } from "../protocol/errors.ts";

/**
 * What the platform gives a handler under this name.
 * @throws SutureError `internal` where it is missing: a function that is set up wrongly must not start
 */
export function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new SutureError("internal", `${name} is not set`);
  return value;
}

/** The region and the credentials in the environment, a function's role or a person's, for what signs its requests without the SDK. */
export function roleOf(): {
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
} {
  return {
    region: fromEnvironment("AWS_REGION"),
    credentials: {
      accessKeyId: fromEnvironment("AWS_ACCESS_KEY_ID"),
      secretAccessKey: fromEnvironment("AWS_SECRET_ACCESS_KEY"),
      ...(process.env.AWS_SESSION_TOKEN && { sessionToken: process.env.AWS_SESSION_TOKEN }),
    },
  };
}

/** Where a service is if not at its region's own address, under the name that the SDK reads too: `DYNAMODB`, `SQS`. */
export function endpointOf(service: string): { endpoint?: string } {
  const endpoint = process.env[`AWS_ENDPOINT_URL_${service}`];
  return endpoint === undefined ? {} : { endpoint };
}
