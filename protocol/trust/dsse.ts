import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { z } from "zod";
import { SutureError } from "../errors.ts";
import { wellFormedJson } from "../well-formed.ts";
import { parseJson } from "../wire/parse.ts";
import { Envelope, statementPayloadType } from "../wire/statement.ts";

/** Something that signs an envelope, and the name under which its signature stands there. */
export type EnvelopeSigner = { keyid: string; sign(bytes: Uint8Array): Promise<Uint8Array> };

/** What is signed: DSSE's pre-authentication encoding (protocol.md, "PAE"), which no other thing that Suture signs can look like. */
function encoded(payloadType: string, payload: Uint8Array): Uint8Array {
  const header = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(header), payload]);
}

/** Signs an in-toto statement. */
export async function signEnvelope(statement: object, signers: readonly EnvelopeSigner[]): Promise<Envelope> {
  return await addSignatures(unsignedEnvelope(statement), signers);
}

/** An envelope around an in-toto statement that nobody has signed yet. */
export function unsignedEnvelope(statement: object): Envelope {
  const payload = Buffer.from(wellFormedJson(statement)).toString("base64");
  return { payloadType: statementPayloadType, payload, signatures: [] };
}

/** Adds signatures to an envelope, over the payload as it stands. */
export async function addSignatures(envelope: Envelope, signers: readonly EnvelopeSigner[]): Promise<Envelope> {
  const bytes = encoded(envelope.payloadType, Buffer.from(envelope.payload, "base64"));
  const signatures = [...envelope.signatures];
  for (const signer of signers)
    signatures.push({ keyid: signer.keyid, sig: Buffer.from(await signer.sign(bytes)).toString("base64") });
  return { ...envelope, signatures };
}

/**
 * Reads an envelope from outside.
 * @throws SutureError `invalid-request`
 */
export function readEnvelope(text: string, name: string): Envelope {
  return parseJson(Envelope, text, name);
}

/**
 * Verifies an envelope and parses the in-toto statement in it. A key counts once, however many signatures it made and under
 * whatever ids: ids in an envelope are hints and nobody signed them.
 * @param keys those whose signatures count @param threshold how many of them it takes
 * @throws SutureError `bad-signature`; `invalid-request` for a statement that does not fit
 */
export function verifyEnvelope<S extends z.ZodType>(
  envelope: Envelope,
  { keys, threshold = 1 }: { keys: readonly KeyObject[]; threshold?: number },
  schema: S,
): z.output<S> {
  const payload = Buffer.from(envelope.payload, "base64");
  const bytes = encoded(envelope.payloadType, payload);
  const hasSigned = (key: KeyObject) =>
    envelope.signatures.some(({ sig }) => isSignature(key, bytes, Buffer.from(sig, "base64")));
  const distinct = new Map(keys.map((key) => [key.export({ type: "spki", format: "der" }).toString("base64"), key]));
  const signed = [...distinct.values()].filter(hasSigned).length;
  if (threshold < 1 || signed < threshold)
    throw new SutureError("bad-signature", `The statement has ${signed} of the ${threshold} signatures that it takes`);
  if (envelope.payloadType !== statementPayloadType)
    throw new SutureError("invalid-request", `The envelope holds ${envelope.payloadType}, and no in-toto statement`);
  return parseJson(schema, payload.toString("utf8"), "statement");
}

/**
 * A public key in PEM that may verify envelopes: Ed25519, or ECDSA on P-256 or P-384.
 * @throws SutureError `invalid-request`
 */
export function envelopeKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new SutureError("invalid-request", "This is no public key in PEM", { cause });
  }
  if (key.asymmetricKeyType !== "ed25519" && digests[curveOf(key)] === undefined)
    throw new SutureError("invalid-request", "Statements are signed with Ed25519, or ECDSA on P-256 or P-384");
  return key;
}

const digests: Readonly<Record<string, string>> = { prime256v1: "sha256", secp384r1: "sha384" };

function curveOf(key: KeyObject): string {
  return key.asymmetricKeyDetails?.namedCurve ?? "";
}

function isSignature(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(key.asymmetricKeyType === "ed25519" ? null : digests[curveOf(key)], bytes, key, signature);
  } catch {
    // Not even a signature's shape
    return false;
  }
}
