import type { DelegatedEngine } from "./wire/host.ts";
import type { UnbundledVariant } from "./wire/patch.ts";

/** What a variant asks of another's client, without the payload that says the same. */
type Order = Extract<UnbundledVariant, { engine: DelegatedEngine }>;

/**
 * The payload of a variant that another's client carries out: the order, in bytes that depend on nothing else. So it is signed,
 * published, mirrored, downloaded and kept as every other payload, and who holds the bytes can tell whether they fit the manifest.
 */
export function orderBytes(order: Order): Buffer {
  const { engine, level, match } = order;
  const article = order.engine === "hotpatch" ? { article: order.article } : {};
  return Buffer.from(`${JSON.stringify({ engine, level, ...article, arch: match.arch })}\n`);
}
