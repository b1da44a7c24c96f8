import { createHash } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";

/** A public key as TUF metadata holds it: ECDSA P-256, PEM (SPKI). */
export type TufKey = {
  readonly keyid: string;
  readonly keytype: "ecdsa";
  readonly scheme: "ecdsa-sha2-nistp256";
  readonly keyval: { readonly public: string };
};

/** Whoever holds a private key: a file, a key service, a card. The key itself never comes out. */
export interface Signer {
  readonly key: TufKey;
  /** Signs with ECDSA P-256 over SHA-256 of `bytes`; answers the DER form, which TUF takes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The TUF key of a P-256 public key; its id is the SHA-256 of its canonical JSON (specification, section 4.2). */
export function tufKey(publicPem: string): TufKey {
  const key = { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: { public: publicPem } } as const;
  return { keyid: createHash("sha256").update(canonicalize(key)).digest("hex"), ...key };
}
