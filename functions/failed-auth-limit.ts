import type { MiddlewareHandler } from "hono";
import type { Rate } from "./domain/token-bucket.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { viewerAddress } from "./viewer-address.ts";

/** So often an address may be wrong: a fleet behind one address with a few broken hosts stays far below. */
const usualRate: Rate = { perSecond: 1, burst: 60 };
/** What a request without a sign-in that counts is answered with. */
const refused = [401, 403];

/**
 * The limit of failed authentications: an address whose requests were refused too often is answered 429 before anything else is
 * done for it. Requests that succeed do not count, however many there are.
 * @param now milliseconds since the epoch
 * @param edgeKey as in `viewerAddress`
 * @param statuses which answers count
 */
export function failedAuthLimit(
  { now, edgeKey }: { now: () => number; edgeKey?: string | undefined },
  statuses: readonly number[] = refused,
): MiddlewareHandler {
  const limiter = new RateLimiter(usualRate, now);
  return async (c, next) => {
    const address = viewerAddress(c, edgeKey);
    if (address === undefined) return await next();
    limiter.refuse(address, "this address that were refused");
    await next();
    if (statuses.includes(c.res.status)) limiter.count(address);
  };
}

/** Holds each address to a rate, where nobody signs in. @param now milliseconds since the epoch */
export function eachAddress(rate: Rate, now: () => number): MiddlewareHandler {
  const limiter = new RateLimiter(rate, now);
  return async (c, next) => {
    const address = viewerAddress(c, undefined);
    if (address !== undefined) limiter.admit(address, "this address");
    await next();
  };
}
