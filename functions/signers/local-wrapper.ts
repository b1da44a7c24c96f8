import { createCipheriv, createDecipheriv, createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import { SutureError } from "../../protocol/errors.ts";
import { privateKeySigner } from "../../protocol/trust/signer.ts";
import type { KeyContext, KeyWrapper } from "./wrapped.ts";

const nonceBytes = 12;
const tagBytes = 16;

/** Wraps with AES-256-GCM under a key of 32 bytes; the context is authenticated with it. The cloud has KMS for this. */
export function localKeyWrapper(wrappingKey: Uint8Array): KeyWrapper {
  return {
    async generate(context) {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", wrappingKey, nonce).setAAD(authenticated(context));
      const sealed = cipher.update(privateKey.export({ type: "pkcs8", format: "der" }));
      return {
        publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
        wrapped: Buffer.concat([nonce, sealed, cipher.final(), cipher.getAuthTag()]).toString("base64"),
      };
    },

    async unwrap(wrapped, context) {
      const bytes = Buffer.from(wrapped, "base64");
      try {
        const decipher = createDecipheriv("aes-256-gcm", wrappingKey, bytes.subarray(0, nonceBytes))
          .setAAD(authenticated(context))
          .setAuthTag(bytes.subarray(-tagBytes));
        const key = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
        return privateKeySigner(createPrivateKey({ key, type: "pkcs8", format: "der" }));
      } catch (cause) {
        throw new SutureError("forbidden", `This is no key of ${context.vendor}'s ${context.role}`, { cause });
      }
    },
  };
}

function authenticated(context: KeyContext): Buffer {
  return Buffer.from(canonicalize(context));
}
