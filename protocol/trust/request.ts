import { createHash } from "node:crypto";
import { CompactSign, type CryptoKey, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import type { z } from "zod";
import { SutureError } from "../errors.ts";
import { requireWellFormed, wellFormedJson } from "../well-formed.ts";
import { MachineKey } from "../wire/enrol.ts";
import { parseJson } from "../wire/parse.ts";

/** What a machine signs. The type is part of what is signed, so that none can pose as another. */
export type StatementType =
  | "suture-offline-report"
  | "suture-enrol"
  | "suture-retire"
  | "suture-check-in"
  | "suture-incident"
  | "suture-report";

/** The media type of a compact JWS as a request's body. */
export const statementMediaType = "application/jose";

/** A machine's own key pair. */
export type MachineKeys = { publicKey: MachineKey; privateKey: CryptoKey };

/**
 * A machine's id: the thumbprint of its public key (RFC 7638), shortened to 128 bits. Nobody can choose one, and a statement
 * that carries its key can be verified before anything is read from a table.
 */
export function machineIdOf({ crv, kty, x }: MachineKey): string {
  const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("hex");
  return `m-${thumbprint.slice(0, 32)}`;
}

/** Signs a machine's statement as a compact JWS (RFC 7515) with Ed25519 (RFC 8037); its key travels in the header. */
export async function signStatement(type: StatementType, payload: unknown, keys: MachineKeys): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(wellFormedJson(payload)))
    .setProtectedHeader({ alg: "EdDSA", typ: type, jwk: keys.publicKey })
    .sign(keys.privateKey);
}

/** A statement whose signature is good: by which machine, and what it says. */
export type VerifiedStatement<T> = { machine: string; key: MachineKey; payload: T };

/**
 * Verifies that a statement is signed by the key that it carries, and parses its payload. Whether that machine is enrolled is the
 * caller's question.
 * @throws SutureError `bad-signature` for another key, type or algorithm; `invalid-request` for a payload that does not fit
 */
export async function verifyStatement<S extends z.ZodType>(
  type: StatementType,
  jws: string,
  schema: S,
): Promise<VerifiedStatement<z.output<S>>> {
  let key: MachineKey;
  let bytes: Uint8Array;
  try {
    const header = decodeProtectedHeader(jws);
    if (header.typ !== type) throw new TypeError(`the statement is no ${type}`);
    key = MachineKey.parse(header.jwk);
    ({ payload: bytes } = await compactVerify(jws, await importJWK(key, "EdDSA"), { algorithms: ["EdDSA"] }));
  } catch (cause) {
    throw new SutureError("bad-signature", "The statement is not signed by the machine's key", { cause });
  }
  const payload = parseJson(schema, new TextDecoder().decode(bytes), "statement");
  requireWellFormed(payload, "statement");
  return { machine: machineIdOf(key), key, payload };
}
