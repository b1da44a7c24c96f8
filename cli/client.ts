import type { z } from "zod";
import { SutureError } from "../protocol/errors.ts";
import { parseWith } from "../protocol/wire/parse.ts";
import { fromProblem } from "../protocol/wire/problem.ts";

/** The service takes part of a minute at most; a line that hangs is not waited for. */
const timeoutMillis = 60_000;

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Talks to vendor-api as one sign-in. */
export type Client = {
  readonly service: string;
  /**
   * Sends a request and parses the answer.
   * @throws SutureError with the code of the service's problem; `unreachable`; `unavailable` for an answer that is not Suture's
   */
  call<S extends z.ZodType>(method: Method, path: string, schema: S, body?: unknown): Promise<z.output<S>>;
};

/**
 * A client of the service at this address; without a token for the few routes that take what is in the body as proof.
 * @throws SutureError `invalid-request` for an address over which a token could be read by others
 */
export function serviceClient(service: string, token?: string): Client {
  const base = baseUrl(service);
  return {
    service: base,
    async call(method, path, schema, body) {
      const response = await send(`${base}${path}`, {
        method,
        headers: {
          accept: "application/json",
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer = await jsonOf(response);
      if (!response.ok) throw fromProblem(answer) ?? foreign(base, response.status);
      return parseWith(schema, answer, `answer of ${method} ${path}`, "unavailable");
    },
  };
}

/** Every item of a paged list. */
export async function everyPage<T>(
  page: (query: string) => Promise<{ items: T[]; cursor?: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  let query = "";
  for (;;) {
    const { items: more, cursor } = await page(query);
    items.push(...more);
    if (cursor === undefined) return items;
    query = `?cursor=${encodeURIComponent(cursor)}`;
  }
}

/** `fetch`, with what goes wrong on the way as `unreachable`. */
export async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMillis), ...init });
  } catch (cause) {
    const { origin } = new URL(url);
    throw new SutureError("unreachable", `${origin} cannot be reached. Is it the right --service, and does it run?`, {
      cause,
    });
  }
}

function baseUrl(service: string): string {
  const url = URL.parse(service);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new SutureError("invalid-request", `--service ${service} is no http or https address`);
  }
  if (url.protocol === "http:" && !/^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname)) {
    throw new SutureError("invalid-request", `${service} would carry your token in the clear: use https`);
  }
  return url.href.replace(/\/$/, "");
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    // A proxy's page: the status says as much as can be known
    return undefined;
  }
}

function foreign(base: string, status: number): SutureError {
  return new SutureError("unavailable", `${base} answered ${status}, and not as Suture does`);
}
