import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { type Code, SutureError } from "../protocol/errors.ts";
import { problemType, toProblem } from "../protocol/wire/problem.ts";

/** Seconds after which a client may try a service again that could not answer. */
const retryAfter = "30";

/**
 * Hono's `onError`: whatever a handler throws becomes problem details (RFC 9457). What is no SutureError tells the log, not the
 * client.
 */
export function answerProblem(error: Error, c: Context): Response {
  const known = knownError(error);
  if (known === undefined || known.status >= 500) console.error(error);
  const problem = toProblem(known ?? error);
  const headers: Record<string, string> = { "content-type": problemType, "cache-control": "no-store" };
  const seconds = secondsToWait(problem);
  if (seconds !== undefined) headers["retry-after"] = seconds;
  if (Array.isArray(problem.allow)) headers.allow = problem.allow.join(", ");
  if (problem.code === "unauthorized") headers["www-authenticate"] = 'Bearer realm="suture"';
  // Its body may be unread: nobody should send another request after it
  if (problem.status === 413) headers.connection = "close";
  return c.body(JSON.stringify(problem), problem.status as 400, headers);
}

/** What Retry-After says beside a problem: what it names itself, or the usual where the service cannot answer. */
export function secondsToWait({ status, retryAfter: own }: Record<string, unknown>): string | undefined {
  if (typeof own === "number") return String(own);
  return status === 503 ? retryAfter : undefined;
}

/** Hono's `notFound`. */
export function answerNotFound(c: Context): Response {
  return answerProblem(new SutureError("not-found", `There is nothing at ${c.req.path}`), c);
}

/** The `onError` of Hono's body limit: the body was not read, or not to its end. */
export function tooLarge(c: Context): Response {
  return answerProblem(new SutureError("too-large", "The body is larger than this route takes"), c);
}

/** Hono itself throws for a few things that it finds wrong with a request. */
const httpCodes: Readonly<Record<number, Code>> = {
  400: "invalid-request",
  413: "too-large",
  415: "unsupported-media-type",
};

function knownError(error: Error): SutureError | undefined {
  if (error instanceof SutureError) return error;
  const code = error instanceof HTTPException ? httpCodes[error.status] : undefined;
  return code && new SutureError(code, error.message || "The request cannot be read", { cause: error });
}
