import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import {
  DecryptCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GetPublicKeyCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  KMSClient,
  type KMSClientConfig,
  SignCommand,
} from "@aws-sdk/client-kms";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { privateKeySigner, type Signer, tufKey } from "../../protocol/trust/signer.ts";
import type { KeyWrapper } from "./wrapped.ts";

/**
 * Signs with a KMS key of the spec ECC_NIST_P256. KMS takes messages of up to 4096 bytes, so it gets the digest.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export async function kmsSigner(keyId: string, config: KMSClientConfig): Promise<Signer> {
  const client = new KMSClient(config);
  const { PublicKey } = await answered(client.send(new GetPublicKeyCommand({ KeyId: keyId })));
  return {
    key: tufKey(toPem(PublicKey)),
    async sign(bytes) {
      const command = new SignCommand({
        KeyId: keyId,
        Message: createHash("sha256").update(bytes).digest(),
        MessageType: "DIGEST",
        SigningAlgorithm: "ECDSA_SHA_256",
      });
      return present((await answered(client.send(command))).Signature);
    },
  };
}

/**
 * Wraps with one symmetric KMS key. The private half leaves KMS in plain only where `unwrap` is called, and only for the context
 * that it was made for. Key policies can name the context, too.
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html
 */
export function kmsKeyWrapper(keyId: string, config: KMSClientConfig): KeyWrapper {
  const client = new KMSClient(config);
  return {
    async generate(context) {
      const command = new GenerateDataKeyPairWithoutPlaintextCommand({
        KeyId: keyId,
        KeyPairSpec: "ECC_NIST_P256",
        EncryptionContext: context,
      });
      const { PublicKey, PrivateKeyCiphertextBlob } = await answered(client.send(command));
      const wrapped = Buffer.from(present(PrivateKeyCiphertextBlob)).toString("base64");
      return { publicKeyPem: toPem(PublicKey), wrapped };
    },

    async unwrap(wrapped, context) {
      const refusal = `This is no key of ${context.vendor}'s ${context.role}`;
      if (wrapped === "") throw new SutureError("forbidden", refusal);
      const CiphertextBlob = Buffer.from(wrapped, "base64");
      const command = new DecryptCommand({ KeyId: keyId, CiphertextBlob, EncryptionContext: context });
      try {
        const key = Buffer.from(present((await client.send(command)).Plaintext));
        return privateKeySigner(createPrivateKey({ key, type: "pkcs8", format: "der" }));
      } catch (cause) {
        // The second says that another key wrapped it: one that was lost, and has a successor since
        if (!(cause instanceof InvalidCiphertextException || cause instanceof IncorrectKeyException))
          throw unavailable(cause);
        throw new SutureError("forbidden", refusal, { cause });
      }
    },
  };
}

function toPem(der: Uint8Array | undefined): string {
  const key = createPublicKey({ key: Buffer.from(present(der)), type: "spki", format: "der" });
  return key.export({ type: "spki", format: "pem" }).toString();
}

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes) return bytes;
  throw new SutureError("unavailable", "KMS left out what was asked for");
}

async function answered<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): Error {
  return new SutureError("unavailable", `KMS did not answer as expected: ${describeError(cause)}`, { cause });
}
