import { CreateKeyCommand, type CreateKeyCommandInput, KMSClient } from "@aws-sdk/client-kms";
import { afterAll, beforeAll } from "vitest";
import { kmsKeyWrapper, kmsSigner } from "../../functions/signers/kms.ts";
import { signersContract, wrappersContract } from "../contract/signers.ts";
import { describeWithPeer, localKms, type RunningPeer, startPeer } from "../support/peers.ts";

await describeWithPeer("a KMS", localKms, () => {
  let peer: RunningPeer;
  beforeAll(async () => {
    peer = await startPeer(localKms);
  });
  afterAll(() => peer?.stop());

  async function createKey(spec: CreateKeyCommandInput): Promise<string> {
    const { KeyMetadata } = await new KMSClient(peer).send(new CreateKeyCommand(spec));
    return KeyMetadata?.KeyId ?? "";
  }

  signersContract("KMS", async () =>
    kmsSigner(await createKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }), peer),
  );
  wrappersContract("KMS", async () => kmsKeyWrapper(await createKey({}), peer));
});
