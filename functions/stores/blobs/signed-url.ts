import { createHmac, timingSafeEqual } from "node:crypto";
import { SutureError } from "../../../protocol/errors.ts";
import { Sha256 } from "../../../protocol/wire/names.ts";

/** Milliseconds since the epoch. */
export type Clock = () => number;
/** What an upload must be. */
export type Content = { sha256: string; size: number };
type Grant = {
  method: "GET" | "PUT";
  key: string;
  /** seconds since the epoch */
  expires: number;
  content?: Content | undefined;
};

/** A URL that grants one method on one blob, for an upload of this content only, until it expires. */
export function presign({ baseUrl, secret, ...grant }: Grant & { baseUrl: string; secret: Uint8Array }): string {
  const query = new URLSearchParams({ expires: String(grant.expires) });
  if (grant.content) {
    query.set("sha256", grant.content.sha256);
    query.set("size", String(grant.content.size));
  }
  query.set("signature", mac(secret, grant).toString("hex"));
  return `${baseUrl}/${grant.key}?${query.toString()}`;
}

/**
 * Checks a request for a blob, `now` in milliseconds since the epoch, and returns what an upload must be.
 * Throws `forbidden` for a URL that this secret did not sign so, or that has expired.
 */
export function checkUrl(
  request: { method: "GET" | "PUT"; key: string; query: Record<string, string> },
  { secret, now }: { secret: Uint8Array; now: number },
): Content | undefined {
  const { expires = "", sha256, size, signature = "" } = request.query;
  const content = Sha256.safeParse(sha256).success ? { sha256: sha256 ?? "", size: Number(size) } : undefined;
  const grant = { method: request.method, key: request.key, expires: Number(expires), content };
  const expected = mac(secret, grant);
  const given = Buffer.from(signature, "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new SutureError("forbidden", "The URL's signature is not right");
  }
  if (now >= grant.expires * 1000) throw new SutureError("forbidden", "The URL has expired; ask for a new one");
  return content;
}

function mac(secret: Uint8Array, { method, key, expires, content }: Grant): Buffer {
  const said = JSON.stringify([method, key, expires, content?.sha256, content?.size]);
  return createHmac("sha256", secret).update(said).digest();
}
