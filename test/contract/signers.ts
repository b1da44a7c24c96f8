import { createHash, verify } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import { Key, Metadata, Root, Signature } from "@tufjs/models";
import { describe, expect, test } from "vitest";
import type { KeyWrapper } from "../../functions/signers/wrapped.ts";
import { type Signer, tufKey } from "../../protocol/trust/signer.ts";

/** What every signer promises, wherever its key is. */
export function signersContract(name: string, make: () => Promise<Signer>) {
  describe(`signer: ${name}`, () => {
    test("its key id is the SHA-256 of the key's canonical JSON", async () => {
      const { keyid, ...key } = (await make()).key;
      expect(keyid).toBe(createHash("sha256").update(canonicalize(key)).digest("hex"));
    });

    test("its DER signature verifies over messages of any size, and over no other message", async () => {
      const signer = await make();
      for (const size of [0, 1, 4096, 4097, 100_000]) {
        const message = Buffer.alloc(size, 7);
        const signature = await signer.sign(message);
        expect(verify("sha256", message, signer.key.keyval.public, signature)).toBe(true);
        expect(
          verify("sha256", Buffer.concat([message, message, Buffer.of(1)]), signer.key.keyval.public, signature),
        ).toBe(false);
      }
    });

    test("a TUF client takes its signature", async () => {
      const signer = await make();
      const { keyid, keytype, scheme, keyval } = signer.key;
      const root = (version: number) => new Root({ version, specVersion: "1.0.31", expires: "2030-01-01T00:00:00Z" });
      const signature = await signer.sign(Buffer.from(canonicalize(root(1).toJSON())));
      const signatures = { [keyid]: new Signature({ keyID: keyid, sig: Buffer.from(signature).toString("hex") }) };
      const key = new Key({ keyID: keyid, keyType: keytype, scheme, keyVal: keyval });
      expect(() => key.verifySignature(new Metadata(root(1), signatures))).not.toThrow();
      expect(() => key.verifySignature(new Metadata(root(2), signatures))).toThrow();
    });
  });
}

/** What every key wrapper promises: its keys sign, and only in their own context. */
export function wrappersContract(name: string, make: () => Promise<KeyWrapper>) {
  const context = { vendor: "acme", role: "snapshot" } as const;

  signersContract(`${name}, unwrapped`, async () => {
    const wrapper = await make();
    const { wrapped } = await wrapper.generate(context);
    return wrapper.unwrap(wrapped, context);
  });

  describe(`key wrapper: ${name}`, () => {
    test("the unwrapped key is the one that was generated", async () => {
      const wrapper = await make();
      const { publicKeyPem, wrapped } = await wrapper.generate(context);
      expect((await wrapper.unwrap(wrapped, context)).key).toEqual(tufKey(publicKeyPem));
    });

    test("a wrapped key opens for no other vendor, for no other role, and not when changed", async () => {
      const wrapper = await make();
      const { wrapped } = await wrapper.generate(context);
      const changed = Buffer.from(wrapped, "base64");
      changed.writeUInt8(changed.readUInt8(changed.length - 20) ^ 1, changed.length - 20);
      const refused = expect.objectContaining({ code: "forbidden" });
      await expect(wrapper.unwrap(wrapped, { ...context, vendor: "other" })).rejects.toEqual(refused);
      await expect(wrapper.unwrap(wrapped, { ...context, role: "timestamp" })).rejects.toEqual(refused);
      await expect(wrapper.unwrap(changed.toString("base64"), context)).rejects.toEqual(refused);
      await expect(wrapper.unwrap("", context)).rejects.toEqual(refused);
    });
  });
}
