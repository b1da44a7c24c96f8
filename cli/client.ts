import { type ClientResponse, hc } from "hono/client";
import type { z } from "zod";
import type { VendorApi } from "../functions/vendor-api/contract.ts";
import { SutureError } from "../protocol/errors.ts";
import { parsePatchId } from "../protocol/wire/names.ts";
import { parseWith } from "../protocol/wire/parse.ts";
import { fromProblem } from "../protocol/wire/problem.ts";

/** The service takes part of a minute at most; a line that hangs is not waited for. */
const timeoutMillis = 60_000;

/** Talks to vendor-api as one sign-in. `api` has its routes, such as `api.customers[":customer"].pins.$get({ param, query })`. */
export type Client = { readonly service: string; readonly api: ReturnType<typeof hc<VendorApi>>["v1"] };

/**
 * A client of the service at this address; without a token for the few routes that take what is in the body as proof.
 * @throws SutureError `invalid-request` for an address over which a token could be read by others
 */
export function serviceClient(service: string, token?: string): Client {
  const base = baseUrl(service);
  const headers = { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const routes = hc<VendorApi>(base, { headers, fetch: send });
  return { service: base, api: routes.v1 };
}

type BodyOf<Answer> = Answer extends ClientResponse<infer Body> ? Body : never;

/**
 * Waits for a route's answer and parses it. The schema must be one for what that route answers, and is: the compiler looks.
 * @throws SutureError with the code of the service's problem; `unreachable`; `unavailable` for an answer that is not Suture's
 */
export async function read<Answer extends ClientResponse<unknown>, Schema extends z.ZodType>(
  asked: Promise<Answer>,
  schema: Schema & (BodyOf<Answer> extends z.input<Schema> ? unknown : never),
): Promise<z.output<Schema>> {
  const response = await asked;
  const answer = await jsonOf(response);
  if (!response.ok) throw fromProblem(answer) ?? foreign(response);
  return parseWith(schema, answer, `answer of ${new URL(response.url).pathname}`, "unavailable");
}

/** As `read`, of a route that has nothing to answer. */
export async function done(asked: Promise<ClientResponse<unknown>>): Promise<void> {
  const response = await asked;
  if (!response.ok) throw fromProblem(await jsonOf(response)) ?? foreign(response);
}

/**
 * A path's parameters, each as one segment: `hono/client` puts in what it is given.
 * @throws SutureError `invalid-request` for an empty one, or one that would lead elsewhere
 */
export function at<Params extends Readonly<Record<string, string>>>(params: Params): Params {
  const segments = Object.entries(params).map(([name, value]) => {
    if (/^\.{0,2}$/.test(value)) throw new SutureError("invalid-request", `"${value}" is no ${name}`);
    return [name, encodeURIComponent(value).replaceAll("%40", "@")];
  });
  return Object.fromEntries(segments);
}

/** The routes of one of a vendor's patches. */
export function patchOf({ api }: Client) {
  return api.vendors[":vendor"].patches[":product"][":channel"][":patch"];
}

/** The parameters of a patch's path. @param id `vendor/product/channel/patch@version` */
export function atPatch(id: string) {
  const { vendor, product, channel, patch, version } = parsePatchId(id);
  return { vendor, product, channel, patch: `${patch}@${version}` };
}

/** Every item of a paged list. */
export async function everyPage<T>(
  page: (query: { cursor?: string }) => Promise<{ items: T[]; cursor?: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  let query: { cursor?: string } = {};
  for (;;) {
    const { items: more, cursor } = await page(query);
    items.push(...more);
    if (cursor === undefined) return items;
    query = { cursor };
  }
}

/** `fetch`, with what goes wrong on the way as `unreachable`. */
export async function send(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMillis), ...init });
  } catch (cause) {
    const { origin } = new URL(url instanceof Request ? url.url : url);
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

async function jsonOf(response: ClientResponse<unknown>): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    // A proxy's page: the status says as much as can be known
    return undefined;
  }
}

function foreign({ url, status }: ClientResponse<unknown>): SutureError {
  return new SutureError("unavailable", `${new URL(url).origin} answered ${status}, and not as Suture does`);
}
