import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import { SutureError } from "../errors.ts";

/** A public key as TUF metadata holds it (TUF specification, section 4.2), with the id that it has there. */
export type TufKey = {
  /** SHA-256, in hexadecimal, of the canonical JSON of the other three members */
  keyid: string;
  keytype: "ecdsa";
  scheme: "ecdsa-sha2-nistp256";
  /** SubjectPublicKeyInfo in PEM */
  keyval: { public: string };
};

/** Something that signs with one ECDSA P-256 key: a file, KMS, or a key that KMS wrapped. */
export interface Signer {
  readonly key: TufKey;
  /** The signature over SHA-256 of `bytes`, in DER as TUF takes it. Throws SutureError `unavailable` when the key cannot be used. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The TUF key of a public key in PEM. Throws SutureError `invalid-metadata` unless it is an ECDSA P-256 key. */
export function tufKey(publicKeyPem: string): TufKey {
  const scheme = {
    keytype: "ecdsa",
    scheme: "ecdsa-sha2-nistp256",
    keyval: { public: p256Pem(publicKeyPem) },
  } as const;
  return { keyid: createHash("sha256").update(canonicalize(scheme)).digest("hex"), ...scheme };
}

/** The key's one spelling in PEM, so that one key has one id. */
function p256Pem(publicKeyPem: string): string {
  try {
    const key = createPublicKey(publicKeyPem);
    if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new TypeError("not a P-256 key");
    return key.export({ type: "spki", format: "pem" }).toString();
  } catch (cause) {
    throw new SutureError("invalid-metadata", "The public key is no ECDSA P-256 key in PEM", { cause });
  }
}

/** A signer with a private key at hand. Throws SutureError `invalid-metadata` unless it is an ECDSA P-256 key. */
export function privateKeySigner(privateKey: KeyObject): Signer {
  const key = tufKey(createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString());
  return { key, sign: async (bytes) => sign("sha256", bytes, privateKey) };
}
