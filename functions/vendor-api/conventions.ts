import type { OpenAPIHono } from "@hono/zod-openapi";

type Document = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;
type Operation = NonNullable<NonNullable<Document["paths"]>[string]["get"]>;

const ifNoneMatch = parameter("If-None-Match", "An ETag that was read before: where it still is so, the answer is 304");
const ifMatch = parameter(
  "If-Match",
  "An ETag that was read before: where it is not so any more, nothing is written (412)",
);
const idempotencyKey = {
  ...parameter(
    "Idempotency-Key",
    "The same request under the same key happens once in 24 hours, and is answered again",
  ),
  schema: { type: "string", minLength: 8, maxLength: 128 },
} as const;

/**
 * Says of each route what every request has in common, and no route by itself: ETags (RFC 9110, section 8.8.3), conditions (section
 * 13.1), idempotency keys, rates. Agents' routes have none of it: their statements have counters and receipts numbers.
 */
export function withConventions(document: Document): Document {
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    if (path.startsWith("/v1/agent/")) continue;
    const { get, put, post, delete: remove } = item;
    if (get) describeRead(get);
    for (const write of [put, post, remove]) if (write) describeWrite(write, write !== post || path.endsWith("}"));
  }
  return document;
}

function describeRead(operation: Operation): void {
  operation.parameters = [...(operation.parameters ?? []), ifNoneMatch];
  addHeader(operation, "ETag", "What is read, for If-None-Match and If-Match");
  operation.responses = { ...operation.responses, 304: { description: "It is as it was" } };
}

function describeWrite(operation: Operation, isChange: boolean): void {
  operation.parameters = [...(operation.parameters ?? []), idempotencyKey, ...(isChange ? [ifMatch] : [])];
  addHeader(operation, "Idempotency-Replayed", "`true` where this is the answer of an earlier request under the key");
}

function addHeader(operation: Operation, name: string, description: string): void {
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    const isGood = status.startsWith("2");
    const retry = { "Retry-After": header("With 429 and 503: seconds after which it may be tried again") };
    response.headers = { ...response.headers, ...(isGood ? { [name]: header(description) } : retry) };
  }
}

function parameter(name: string, description: string) {
  return {
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  } as const;
}

function header(description: string) {
  return { description, schema: { type: "string" } } as const;
}
