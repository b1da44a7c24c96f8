import { createPublicKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isSutureError } from "../errors.ts";
import { MachineKey } from "../wire/enrol.ts";
import type { Receipt } from "../wire/report.ts";
import { envelopeKey, readEnvelope, signEnvelope, verifyEnvelope } from "./dsse.ts";
import { signReceipt, verifyReceipt } from "./receipt.ts";
import { machineIdOf } from "./request.ts";
import { privateKeySigner } from "./signer.ts";

const Anything = z.object({ n: z.number() });
function person() {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = privateKeySigner(pair.privateKey);
  const sign = (bytes: Uint8Array) => signer.sign(bytes);
  return { signer: { keyid: signer.key.keyid, sign }, key: pair.publicKey };
}

async function machine() {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const { kty, crv, x } = await crypto.subtle.exportKey("jwk", publicKey);
  const keys = { publicKey: MachineKey.parse({ kty, crv, x }), privateKey };
  const receipt: Receipt = {
    machine: machineIdOf(keys.publicKey),
    sequence: 1,
    patch: "acme/echod/stable/fix@1",
    manifest: "ab".repeat(32),
    action: "apply",
    code: "applied",
    detail: "",
    evidence: { pauseMicros: 120 },
    planSeq: 3,
    at: 1_795_651_200,
  };
  return { keys, receipt };
}

describe("an envelope", () => {
  it("counts a key once, whatever ids its signatures bear and whoever else's id they claim", async () => {
    const [one, other] = [person(), person()];
    const twice = await signEnvelope({ n: 1 }, [one.signer, { ...one.signer, keyid: other.signer.keyid }]);
    const both = await signEnvelope({ n: 1 }, [one.signer, other.signer]);
    const wanted = { keys: [one.key, one.key, other.key], threshold: 2 };
    expect(() => verifyEnvelope(twice, wanted, Anything)).toThrow(expect.objectContaining({ code: "bad-signature" }));
    expect(verifyEnvelope(both, wanted, Anything)).toEqual({ n: 1 });
    expect(() => verifyEnvelope(both, { keys: [one.key], threshold: 0 }, Anything)).toThrow();
  });

  it("is believed only with the payload and the type that were signed, whatever is changed", async () => {
    const { signer, key } = person();
    const good = await signEnvelope({ n: 1 }, [signer]);
    expect(() => verifyEnvelope({ ...good, payloadType: "text/plain" }, { keys: [key] }, Anything)).toThrow(
      expect.objectContaining({ code: "bad-signature" }),
    );
    const text = JSON.stringify(good);
    const change = fc.tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(change, ([at, put]) => {
        const changed = text.slice(0, at) + put + text.slice(at + 1);
        try {
          expect(verifyEnvelope(readEnvelope(changed, "it"), { keys: [key] }, Anything)).toEqual({ n: 1 });
        } catch (error) {
          if (!isSutureError(error)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is verified with no key that is too weak or of another kind", () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    expect(() => envelopeKey(rsa.export({ type: "spki", format: "pem" }).toString())).toThrow("P-384");
    expect(() => envelopeKey("no key")).toThrow(expect.objectContaining({ code: "invalid-request" }));
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
    const pem = p384.export({ type: "spki", format: "pem" }).toString();
    expect(envelopeKey(pem).equals(createPublicKey(pem))).toBe(true);
  });
});

describe("a receipt", () => {
  it("comes back as it was signed, and is an in-toto statement about the manifest", async () => {
    const { keys, receipt } = await machine();
    const text = await signReceipt(receipt, keys);
    expect(verifyReceipt(text, keys.publicKey)).toEqual(receipt);
    expect(JSON.parse(Buffer.from(JSON.parse(text).payload, "base64").toString())).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: receipt.patch, digest: { sha256: receipt.manifest } }],
      predicateType: "urn:suture:receipt:v1",
    });
  });

  it("of a machine that speaks for another is refused, and so is one by another key", async () => {
    const [one, other] = [await machine(), await machine()];
    const posing = await signReceipt(other.receipt, one.keys);
    expect(() => verifyReceipt(posing, one.keys.publicKey)).toThrow(expect.objectContaining({ code: "wrong-machine" }));
    const own = await signReceipt(one.receipt, one.keys);
    expect(() => verifyReceipt(own, other.keys.publicKey)).toThrow(expect.objectContaining({ code: "bad-signature" }));
  });
});
