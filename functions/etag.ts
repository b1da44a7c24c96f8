import { createHash } from "node:crypto";
import type { Context } from "hono";

/** The entity tag of this content (RFC 9110, section 8.8.3), with its quotes. */
export function etagOf(content: string | Uint8Array): string {
  return `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
}

/** Whether the client holds this version, by weak comparison: compression on the way makes its tag a weak one. */
export function hasEtag(c: Context, etag: string): boolean {
  const held = c.req.header("if-none-match")?.split(",") ?? [];
  return held.some((each) => each.trim().replace(/^W\//, "") === etag);
}
