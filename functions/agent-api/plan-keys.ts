import { type CryptoKey, importJWK } from "jose";
import { SutureError } from "../../protocol/errors.ts";
import { signingKey } from "../domain/plan-keys.ts";

/** A new key is published a day before its first use, so a copy may be this old; milliseconds. */
const fresh = 10 * 60_000;

type StoredKey = { kid: string; nbf: number; exp: number; kty: string; crv: string; x: string; d: string };

/**
 * The key that signs plans now, from the secret that the hourly job writes, read again every ten minutes.
 * @param read the secret's text: a JSON array of private JWKs
 * @param now milliseconds since the epoch
 */
export function planKeyReader(
  read: () => Promise<string>,
  now: () => number,
): () => Promise<{ kid: string; privateKey: CryptoKey }> {
  const imported = new Map<string, CryptoKey>();
  let kept: { keys: StoredKey[]; at: number } | undefined;

  return async () => {
    if (kept === undefined || now() - kept.at >= fresh) kept = { keys: JSON.parse(await read()), at: now() };
    const key = signingKey(kept.keys, Math.floor(now() / 1000));
    if (key === undefined) throw new SutureError("unavailable", "No plan key is valid now");
    const known = imported.get(key.kid);
    if (known !== undefined) return { kid: key.kid, privateKey: known };
    const privateKey = await importJWK(key, "EdDSA");
    if (privateKey instanceof Uint8Array) throw new SutureError("internal", "The plan key is no key pair");
    imported.set(key.kid, privateKey);
    return { kid: key.kid, privateKey };
  };
}
