import type { Context, MiddlewareHandler } from "hono";
import type { Rate } from "./domain/token-bucket.ts";
import { RateLimiter } from "./rate-limiter.ts";

/** So often an address may be wrong: a fleet behind one address with a few broken hosts stays far below. */
const usualRate: Rate = { perSecond: 1, burst: 60 };
/** What a request without a sign-in that counts is answered with. */
const refused = [401, 403];

/**
 * Slows down whoever guesses: an address that was refused too often, by whatever it sent, is answered 429 before anything is
 * looked at. Requests that are in order count for nothing, however many there are. An address that nobody knows, or is this
 * host's own, as behind a proxy, is not limited here.
 * @param now milliseconds since the epoch
 * @param statuses which answers count
 */
export function againstGuessing(now: () => number, statuses: readonly number[] = refused): MiddlewareHandler {
  const limiter = new RateLimiter(usualRate, now);
  return async (c, next) => {
    const address = addressOf(c);
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
    const address = addressOf(c);
    if (address !== undefined) limiter.admit(address, "this address");
    await next();
  };
}

type Platform = {
  /** node's */
  incoming?: { socket?: { remoteAddress?: string } };
  /** Lambda's: a function URL's event, and an HTTP API's */
  requestContext?: { http?: { sourceIp?: string } };
};

function addressOf(c: Context): string | undefined {
  const { incoming, requestContext } = (c.env ?? {}) as Platform;
  const address = requestContext?.http?.sourceIp ?? incoming?.socket?.remoteAddress;
  return address === undefined || isOwn(address) ? undefined : address;
}

function isOwn(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
