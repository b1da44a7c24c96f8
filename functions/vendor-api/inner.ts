import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";

/** Only this process can hand it over: a client's request has no environment of its own. */
const inner = { suture: "inner" } as const;

/** Whether a request is the service's own, made to answer another. */
export function isInner(c: Context): boolean {
  return c.env === inner;
}

/** What a GET on the same path answers to the same sign-in now. */
export async function readAgain(app: OpenAPIHono, c: Context): Promise<Response> {
  const headers = { authorization: c.req.header("authorization") ?? "" };
  return await app.request(c.req.url, { headers }, inner);
}
