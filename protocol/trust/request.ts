import { CompactSign, type CryptoKey, compactVerify, decodeProtectedHeader, importJWK, type JWK } from "jose";
import type { z } from "zod";
import { SutureError } from "../errors.ts";
import type { MachineKey } from "../wire/enrol.ts";
import { parseJson } from "../wire/parse.ts";

/** What a machine signs. The type is part of what is signed, so that none can pose as another. */
export type StatementType = "suture-enrol" | "suture-check-in" | "suture-receipt" | "suture-report";

/** The media type of a compact JWS as a request's body. */
export const statementMediaType = "application/jose";

/** Signs a machine's statement as a compact JWS (RFC 7515) with Ed25519 (RFC 8037). */
export async function signStatement(type: StatementType, payload: unknown, privateKey: CryptoKey): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "EdDSA", typ: type })
    .sign(privateKey);
}

/** Reads a statement's payload before its key is known. Nothing in it is to be believed until `verifyStatement`. */
export function peekStatement<S extends z.ZodType>(jws: string, schema: S): z.output<S> {
  const payload = jws.split(".")[1] ?? "";
  return parseJson(schema, Buffer.from(payload, "base64url").toString("utf8"), "statement");
}

/**
 * Verifies a machine's statement and parses its payload.
 * @throws SutureError `bad-signature` for another key, type or algorithm; `invalid-request` for a payload that does not fit
 */
export async function verifyStatement<S extends z.ZodType>(
  type: StatementType,
  jws: string,
  publicKey: MachineKey,
  schema: S,
): Promise<z.output<S>> {
  let payload: Uint8Array;
  try {
    const key = await importJWK(publicKey as JWK, "EdDSA");
    ({ payload } = await compactVerify(jws, key, { algorithms: ["EdDSA"] }));
  } catch (cause) {
    throw new SutureError("bad-signature", "The statement is not signed by the machine's key", { cause });
  }
  if (decodeProtectedHeader(jws).typ !== type) throw new SutureError("bad-signature", `The statement is no ${type}`);
  return parseJson(schema, new TextDecoder().decode(payload), "statement");
}
