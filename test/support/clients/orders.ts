import { createHash } from "node:crypto";
import type { OrderedPatch } from "../../../agent/engines/delegated/engine.ts";
import { orderBytes } from "../../../protocol/order.ts";
import type { DelegatedEngine } from "../../../protocol/wire/host.ts";
import { DelegatedVariant } from "../../../protocol/wire/patch.ts";

/** A verified order to another's client. */
export function orderFor(
  engine: DelegatedEngine,
  options: { level: string; article?: string; arch?: string },
): OrderedPatch {
  const { arch = "x86_64", ...rest } = options;
  const bundle = bundleOf(Buffer.alloc(1));
  const draft = DelegatedVariant.parse({ engine, ...rest, match: { arch }, bundle });
  const payload = orderBytes(draft);
  const variant = { ...draft, bundle: bundleOf(payload) };
  return { id: `acme/hosts/stable/${engine}@1`, variant, payload };
}

function bundleOf(payload: Uint8Array) {
  const sha256 = createHash("sha256").update(payload).digest("hex");
  return { sha256, size: payload.length, encoding: "zstd", payload: { sha256, size: payload.length } } as const;
}
