import type { LambdaEvent } from "hono/aws-lambda";

/** What a function URL hands to its function for a request; a POST where there is a body. */
export function functionUrlEvent(path: string, headers: Record<string, string>, body?: string): LambdaEvent {
  const method = body === undefined ? "GET" : "POST";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { host: "id.lambda-url.us-east-1.on.aws", ...headers },
    requestContext: { domainName: "id.lambda-url.us-east-1.on.aws", http: { method, path, sourceIp: "192.0.2.1" } },
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
  } as unknown as LambdaEvent;
}
