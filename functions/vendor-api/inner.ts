import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { SignIn } from "./auth.ts";

/** Only this process can hand it over: no client's request brings an environment, and nothing outside this file can name the key. */
const inner = Symbol("inner request");
type Inner = { [inner]: SignIn };

/** The sign-in that a request of the service's own is made as; undefined for a client's, which brings a token. */
export function innerSignIn(c: Context): SignIn | undefined {
  return (c.env as Partial<Inner> | undefined)?.[inner];
}

/** Answers a request of the service's own, with the same checks, log and rules as one that comes from outside. */
export async function requestAs(app: OpenAPIHono, signIn: SignIn, url: string, init: RequestInit = {}) {
  return await app.request(url, init, { [inner]: signIn } satisfies Inner);
}

/** What a GET on the same path answers to the same sign-in now. */
export async function readAgain(app: OpenAPIHono, c: Context): Promise<Response> {
  return await requestAs(app, c.get("signIn"), c.req.url);
}
