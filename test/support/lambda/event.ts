/** What a function URL and an HTTP API make of a request: payload format 2.0. */
export async function toEvent(request: Request): Promise<object> {
  const url = new URL(request.url);
  const body = Buffer.from(await request.arrayBuffer());
  const { cookie, ...headers } = Object.fromEntries(request.headers);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    ...(cookie !== undefined && { cookies: cookie.split("; ") }),
    headers: { ...headers, "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "http" },
    ...(url.search !== "" && { queryStringParameters: Object.fromEntries(url.searchParams) }),
    requestContext: {
      accountId: "anonymous",
      apiId: "test",
      domainName: url.host,
      domainPrefix: "test",
      http: {
        method: request.method,
        path: url.pathname,
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: "test",
      routeKey: "$default",
      stage: "$default",
      time: "25/Nov/2026:00:00:00 +0000",
      timeEpoch: Date.now(),
    },
    ...(body.length > 0 && { body: body.toString("base64") }),
    isBase64Encoded: body.length > 0,
  };
}

type Answer = {
  statusCode: number;
  headers?: Record<string, string>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
};

/** The response that a function URL and an HTTP API make of what a handler returned. */
export function toResponse({ statusCode, headers = {}, cookies = [], body, isBase64Encoded }: Answer): Response {
  const bytes = body === undefined || body === "" ? null : Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  const response = new Response(bytes, { status: statusCode, headers });
  for (const cookie of cookies) response.headers.append("set-cookie", cookie);
  return response;
}
