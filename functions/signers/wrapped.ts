import type { Signer } from "../../protocol/trust/signer.ts";

/** Whose key it is. A wrapped key can be used for nothing else. */
export type KeyContext = { vendor: string; role: "snapshot" | "timestamp" };

/**
 * Makes keys whose private half is kept wrapped, and opens them where they are used, which is the publish job alone
 * (design: "Trust"). One key of the wrapper's own stands behind all of them.
 */
export interface KeyWrapper {
  /** A new P-256 key: its public half in PEM, its private half wrapped, in base64. */
  generate(context: KeyContext): Promise<{ publicKeyPem: string; wrapped: string }>;
  /** Throws `forbidden` when `wrapped` is not what `generate` returned for this very context; `unavailable`. */
  unwrap(wrapped: string, context: KeyContext): Promise<Signer>;
}
