import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { SutureError } from "../../protocol/errors.ts";
import { privateKeySigner, type Signer } from "../../protocol/trust/signer.ts";

/** Makes a P-256 key and keeps it in a new file (PKCS #8 in PEM, 0600). Throws `already-exists`. */
export async function createFileSigner(path: string): Promise<Signer> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await create(path, privateKey.export({ type: "pkcs8", format: "pem" }));
  return privateKeySigner(privateKey);
}

/** The signer of a key file. Throws `not-found`; `state-damaged` when the file holds no P-256 key. */
export async function loadFileSigner(path: string): Promise<Signer> {
  const pem = await read(path);
  try {
    return privateKeySigner(createPrivateKey(pem));
  } catch (cause) {
    throw new SutureError("state-damaged", `${path} holds no ECDSA P-256 private key`, { cause });
  }
}

/** The 32 random bytes that a file holds (0600); made at first use. Throws `state-damaged` when it holds anything else. */
export async function secretFile(path: string): Promise<Uint8Array> {
  try {
    await create(path, randomBytes(32));
  } catch (error) {
    if (!(error instanceof SutureError)) throw error;
  }
  const secret = await read(path);
  if (secret.length !== 32) throw new SutureError("state-damaged", `${path} does not hold 32 bytes`);
  return secret;
}

async function create(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(path, content, { mode: 0o600, flag: "wx", flush: true });
  } catch (cause) {
    if (!hasCode(cause, "EEXIST")) throw cause;
    throw new SutureError("already-exists", `${path} is there already`, { cause });
  }
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (!hasCode(cause, "ENOENT")) throw cause;
    throw new SutureError("not-found", `There is no ${path}`, { cause });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
