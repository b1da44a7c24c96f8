import { timingSafeEqual } from "node:crypto";
import type { Context } from "hono";

/** The header by which our own CloudFront distribution proves itself to what stands behind it. */
export const edgeHeader = "x-suture-edge";

type Platform = {
  /** node's */
  incoming?: { socket?: { remoteAddress?: string } };
  /** Lambda's: a function URL's event, and an HTTP API's */
  requestContext?: { http?: { sourceIp?: string } };
};

/**
 * The address that a request came from: the connection's, or behind our own distribution the viewer's. All viewers of an edge share its
 * address, so to hold that to a limit would lock them all out for one of them. Undefined where the address is not known, or is this
 * host's own, as behind a proxy.
 *
 * @param edgeKey what our distribution sends in `edgeHeader`; absent where there is none. Anybody can send X-Forwarded-For, so it counts
 *   only beside this key
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html (client IP addresses)
 */
export function viewerAddress(c: Context, edgeKey: string | undefined): string | undefined {
  const { incoming, requestContext } = (c.env ?? {}) as Platform;
  const peer = requestContext?.http?.sourceIp ?? incoming?.socket?.remoteAddress;
  const address = isFromOurEdge(c, edgeKey) ? (forwardedFor(c, peer) ?? peer) : peer;
  return address === undefined || isOwn(address) ? undefined : address;
}

function isFromOurEdge(c: Context, edgeKey: string | undefined): boolean {
  const given = Buffer.from(c.req.header(edgeHeader) ?? "");
  const expected = Buffer.from(edgeKey ?? "");
  return expected.length > 0 && given.length === expected.length && timingSafeEqual(given, expected);
}

/** CloudFront appends the viewer to what the viewer sent, and the gateway behind it appends CloudFront's address, which is the peer. */
function forwardedFor(c: Context, peer: string | undefined): string | undefined {
  const addresses = (c.req.header("x-forwarded-for") ?? "").split(",").map((each) => each.trim());
  return addresses.findLast((each) => each !== "" && each !== peer);
}

/** Whether an address is this host's own, as of a proxy before it. */
export function isOwn(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}
