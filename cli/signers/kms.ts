import { createHash, createPublicKey } from "node:crypto";
import { GetPublicKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { type Signer, tufKey } from "../../protocol/trust/signer.ts";

/**
 * Signs with a KMS key of the spec ECC_NIST_P256, as whoever the AWS profile or environment says. KMS takes messages of up to 4096
 * bytes, so it gets the digest.
 * @param keyId ARN, id or alias; an ARN says its region too
 * @throws SutureError `unavailable`, `invalid-metadata` for a key of another kind
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export async function kmsSigner(keyId: string): Promise<Signer> {
  const region = keyId.startsWith("arn:") ? keyId.split(":")[3] : undefined;
  const client = new KMSClient(region === undefined ? {} : { region });
  const { PublicKey } = await answered(client.send(new GetPublicKeyCommand({ KeyId: keyId })));
  const der = Buffer.from(present(PublicKey));
  const pem = createPublicKey({ key: der, type: "spki", format: "der" }).export({ type: "spki", format: "pem" });
  return {
    key: tufKey(pem.toString()),
    async sign(bytes) {
      const digest = createHash("sha256").update(bytes).digest();
      const command = {
        KeyId: keyId,
        Message: digest,
        MessageType: "DIGEST",
        SigningAlgorithm: "ECDSA_SHA_256",
      } as const;
      return present((await answered(client.send(new SignCommand(command)))).Signature);
    },
  };
}

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes) return bytes;
  throw new SutureError("unavailable", "KMS left out what was asked for");
}

async function answered<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (cause) {
    throw new SutureError("unavailable", `KMS did not answer as expected: ${describeError(cause)}`, { cause });
  }
}
