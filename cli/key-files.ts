import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { SutureError } from "../protocol/errors.ts";
import { privateKeySigner, type Signer } from "../protocol/trust/signer.ts";

/**
 * The signer of a key file (P-256, PKCS #8 in PEM). The key is read where it signs and goes nowhere else.
 * @throws SutureError `not-found`; `invalid-request` for a file that holds no such key
 */
export async function loadKey(path: string): Promise<Signer> {
  const pem = await readText(path);
  if (pem === undefined) throw new SutureError("not-found", `There is no key ${path}`);
  try {
    return privateKeySigner(createPrivateKey(pem));
  } catch (cause) {
    throw new SutureError("invalid-request", `${path} holds no ECDSA P-256 private key`, { cause });
  }
}

/** The signer of a key file, which is made (0600) where there is none: so a second run goes on where a first one stopped. */
export async function loadOrCreateKey(path: string): Promise<Signer> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeSecret(path, privateKey.export({ type: "pkcs8", format: "pem" }).toString(), { keep: true });
  return await loadKey(path);
}

/** Writes a file that only its owner may read. `keep` leaves one alone that is there. */
export async function writeSecret(path: string, text: string, { keep = false } = {}): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600, flag: keep ? "wx" : "w", flush: true });
  } catch (error) {
    if (!(keep && hasCode(error, "EEXIST"))) throw error;
  }
}

/** A file's text; undefined where there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
