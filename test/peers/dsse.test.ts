import { execFile } from "node:child_process";
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateKeyPair } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { signEnvelope } from "../../protocol/trust/dsse.ts";
import { publicationOf } from "../../protocol/trust/publication.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { machineIdOf } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import type { Envelope } from "../../protocol/wire/statement.ts";
import { sampleManifest } from "../support/manifest.ts";
import { describeWithPeer, peerCache } from "../support/peers.ts";
import { memorySigner } from "../support/vendor-metadata.ts";

const run = promisify(execFile);
const python = join(peerCache, "dsse-python/bin/python");
const script = join(import.meta.dirname, "tuf-clients/dsse.py");
const securesystemslib = {
  needs: ["python3"],
  made: join(peerCache, "dsse-python/made"),
  async make() {
    await run("python3", ["-m", "venv", join(peerCache, "dsse-python")]);
    const packages = ["securesystemslib[crypto]==1.6.0", "in-toto-attestation==0.9.3"];
    await run(python, ["-m", "pip", "install", "--quiet", ...packages]);
    await writeFile(join(peerCache, "dsse-python/made"), "");
  },
};

await describeWithPeer("securesystemslib", securesystemslib, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "suture-dsse-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function verified(envelope: Envelope, keys: readonly KeyObject[], threshold: number) {
    const file = join(folder, "envelope.json");
    await writeFile(file, JSON.stringify(envelope));
    const pems = keys.map(
      (key, at) => [join(folder, `${at}.pem`), key.export({ type: "spki", format: "pem" })] as const,
    );
    for (const [path, pem] of pems) await writeFile(path, pem);
    const { stdout } = await run(python, [script, String(threshold), file, ...pems.map(([path]) => path)]);
    return JSON.parse(stdout);
  }

  it("verifies a receipt by the machine's key, and not by another or when it is changed", async () => {
    const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    const { kty, crv, x } = await crypto.subtle.exportKey("jwk", publicKey);
    const keys = { publicKey: MachineKey.parse({ kty, crv, x }), privateKey };
    const patch = "acme/echod/stable/fix@1";
    const manifest = "ab".repeat(32);
    const done = { patch, manifest, action: "apply", code: "applied", detail: "", evidence: {} } as const;
    const text = await signReceipt(
      { ...done, machine: machineIdOf(keys.publicKey), sequence: 1, planSeq: 1, at: 1 },
      keys,
    );
    const envelope: Envelope = JSON.parse(text);
    const key = createPublicKey({ key: { ...keys.publicKey }, format: "jwk" });
    expect(await verified(envelope, [key], 1)).toEqual({
      verified: 1,
      predicateType: "urn:suture:receipt:v1",
      subjects: [[patch, manifest]],
    });
    await expect(verified(envelope, [generateKeyPairSync("ed25519").publicKey], 1)).rejects.toThrow();
    const payload = Buffer.from(envelope.payload, "base64").toString().replace("applied", "undone!");
    const changed = { ...envelope, payload: Buffer.from(payload).toString("base64") };
    await expect(verified(changed, [key], 1)).rejects.toThrow();
  });

  it("verifies a publication by two of three publishers, and not by one", async () => {
    const signers = [memorySigner(), memorySigner(), memorySigner()];
    const manifest = Manifest.parse(sampleManifest({ channel: "stable" }));
    const text = JSON.stringify(manifest);
    const statement = publicationOf("acme", { manifest, text }, [], 0);
    const by = (count: number) =>
      signers.slice(0, count).map((each) => ({ keyid: each.key.keyid, sign: (bytes: Uint8Array) => each.sign(bytes) }));
    const keys = signers.map(({ key }) => createPublicKey(key.keyval.public));
    expect(await verified(await signEnvelope(statement, by(2)), keys, 2)).toMatchObject({
      predicateType: "urn:suture:publication:v1",
      subjects: [
        ["echod/stable/fix@1.json", createHash("sha256").update(text).digest("hex")],
        ["bundle", "1".repeat(64)],
        ["payload", "2".repeat(64)],
      ],
    });
    await expect(verified(await signEnvelope(statement, by(1)), keys, 2)).rejects.toThrow();
  });
});
