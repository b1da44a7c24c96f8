import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { fromProblem } from "../../protocol/wire/problem.ts";
import { mayDo, type SignIn } from "../vendor-api/auth.ts";
import { requestAs } from "../vendor-api/inner.ts";
import type { TenantKind } from "../vendor-api/tenants.ts";
import type { SessionDeps } from "./session.ts";

/** vendor-api, as a page asks it for whoever looks at the page. */
export type Service = {
  /**
   * Reads, or does, what this path of the API says.
   * @throws SutureError as vendor-api answers it: `forbidden`, `not-found` and what the route says
   */
  call<S extends z.ZodType>(method: Method, path: string, schema: S, body?: unknown): Promise<z.output<S>>;
};
type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What pages need that ask the API. */
export type ServiceDeps = SessionDeps & {
  /** vendor-api, which knows who may see and do what */
  service: OpenAPIHono;
};

/** Never asked over a wire, but a request has an address. */
const origin = "http://vendor-api";

/**
 * vendor-api in this process, as one sign-in: a page has no rule of its own about who may do what, and what it changes stands in the
 * audit log with the person's name (docs/adr/0040).
 */
export function serviceAs(app: OpenAPIHono, signIn: SignIn): Service {
  return {
    call: async (method, path, schema, body) =>
      await answerOf(await requestAs(app, signIn, origin + path, initOf(method, body)), `${method} ${path}`, schema),
  };
}

/** The API as whoever is signed in. */
export function serviceOf(c: Context, { service }: ServiceDeps): Service {
  return serviceAs(service, c.get("signIn"));
}

/** Sends what is itself the proof, such as an invitation, to a route for those who have no sign-in yet. */
export async function postOpenly<S extends z.ZodType>(
  { service }: ServiceDeps,
  path: string,
  schema: S,
  body: unknown,
): Promise<z.output<S>> {
  return await answerOf(await service.request(origin + path, initOf("POST", body)), `POST ${path}`, schema);
}

/** A path under the tenant that looks at a page: a customer's, a vendor's, or the service's own for its operator. */
export function tenantPath(c: Context, tail: string): string {
  const { kind, tenant } = c.get("signIn").principal;
  return kind === "operator" ? `/v1${tail}` : `/v1/${kind}s/${tenant}${tail}`;
}

/** Which kind of tenant looks; for pages that both kinds have and the operator has not. */
export function kindOf(c: Context): TenantKind {
  return c.get("signIn").principal.kind === "vendor" ? "vendor" : "customer";
}

/** Whether the API would let whoever looks do this: what they may not do is not offered. */
export function may(c: Context, method: Method, route: string): boolean {
  return mayDo(c.get("signIn"), method, route);
}

/** Which part of a list a page shows, as its address says. */
export function pageQuery(c: Context): { cursor: string | undefined } {
  return { cursor: c.req.query("cursor") };
}

/** Every item of one of the API's lists, for lists that are short by nature and for files. */
export async function everyPage<T>(
  page: (query: string) => Promise<{ items: readonly T[]; cursor: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const next: string = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await page(`?limit=100${next}`);
    items.push(...answer.items);
    cursor = answer.cursor;
  } while (cursor !== undefined);
  return items;
}

function initOf(method: Method, body: unknown): RequestInit {
  if (body === undefined) return { method };
  return { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function answerOf<S extends z.ZodType>(response: Response, what: string, schema: S): Promise<z.output<S>> {
  const text = await response.text();
  const answer: unknown = text === "" ? undefined : JSON.parse(text);
  if (response.ok) return parseWith(schema, answer, `answer of ${what}`, "internal");
  throw fromProblem(answer) ?? new SutureError("internal", `${what} was answered with ${response.status}`);
}
