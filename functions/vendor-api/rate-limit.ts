import type { OpenAPIHono } from "@hono/zod-openapi";
import { SutureError } from "../../protocol/errors.ts";
import type { VendorApiDeps } from "./deps.ts";
import { innerSignIn } from "./inner.ts";

const windowSeconds = 60;

/** How many requests a token, and all tokens of one tenant together, may send in a minute. */
export type RateLimits = { token: number; tenant: number };
/** A program that pages through a fleet of 10,000 stays under the first; a tenant's pipelines together under the second. */
export const usualLimits: RateLimits = { token: 600, tenant: 1200 };

/**
 * Refuses with `rate-limited` and data `retryAfter` (seconds) what a token or its tenant sends beyond its limit, so that one tenant
 * leaves the others theirs. Counted in the database: an instance of the service knows only its own share of the requests.
 */
export function limitRates(app: OpenAPIHono, { requestCounts, rateLimits, now }: VendorApiDeps): void {
  app.use("/v1/*", async (c, next) => {
    const signIn = c.get("signIn");
    // A page reads several times; the portal counts the page itself (portal/page-gate.ts). A change counts like any other
    const isInnerRead = innerSignIn(c) !== undefined && c.req.method === "GET";
    if (signIn === undefined || isInnerRead) return await next();
    const seconds = Math.floor(now().getTime() / 1000);
    const window = { start: seconds - (seconds % windowSeconds), seconds: windowSeconds };
    const { kind, tenant } = signIn.principal;
    const [ofToken, ofTenant] = await Promise.all([
      requestCounts.add(`token/${signIn.token}`, window),
      requestCounts.add(`${kind}/${tenant}`, window),
    ]);
    const beyond = ofToken > rateLimits.token ? "token" : ofTenant > rateLimits.tenant ? "tenant" : undefined;
    if (beyond !== undefined) {
      const detail = `More than ${rateLimits[beyond]} requests a minute from one ${beyond}`;
      throw new SutureError("rate-limited", detail, { data: { retryAfter: window.start + windowSeconds - seconds } });
    }
    await next();
  });
}
