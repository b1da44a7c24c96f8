import { createHash, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envelopeKey, readEnvelope, signEnvelope, verifyEnvelope } from "../protocol/trust/dsse.ts";
import { verifyPublication } from "../protocol/trust/publication.ts";
import { signReceipt } from "../protocol/trust/receipt.ts";
import { machineIdOf } from "../protocol/trust/request.ts";
import { MachineKey } from "../protocol/wire/enrol.ts";
import { Manifest } from "../protocol/wire/patch.ts";
import { Publication, PublicationStatement } from "../protocol/wire/publication.ts";
import { ReceiptStatement } from "../protocol/wire/report.ts";
import { startSuture } from "../test/support/suture.ts";

const cli = await startSuture();
const { service, home } = cli;
const suture = (...args: string[]) => cli.suture(args);
beforeAll(async () => {
  expect((await suture("vendor", "init", "acme", "--product", "echod")).code).toBe(0);
});
afterAll(() => cli.stop());

/** A folder to publish, and a builder that says that it built what is in it. */
async function builtPatch(name: string) {
  const { folder } = await cli.patchFolder({ patch: name });
  const payload = await readFile(join(folder, "fix.so"));
  const builder = generateKeyPairSync("ed25519");
  const key = join(folder, "builder.pem");
  await writeFile(key, builder.publicKey.export({ type: "spki", format: "pem" }));
  const provenance = async (subject: Buffer, by = builder.privateKey) => {
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "fix.so", digest: { sha256: createHash("sha256").update(subject).digest("hex") } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: { buildType: "https://ci.example.com/make/v1", externalParameters: { ref: "main" } },
        runDetails: { builder: { id: "https://ci.example.com/builders/7" } },
      },
    };
    const envelope = await signEnvelope(statement, [
      { keyid: "builder", sign: async (bytes) => sign(null, bytes, by) },
    ]);
    const file = join(folder, "provenance.json");
    await writeFile(file, JSON.stringify(envelope));
    return file;
  };
  return { folder, payload, key, provenance };
}

describe("a publication", () => {
  it("is a statement that anybody can verify, with the builder's beside it, on each channel that it comes to", async () => {
    const { folder, payload, key, provenance } = await builtPatch("fix");
    const file = await provenance(payload);
    const { code } = await suture("publish", folder, "--provenance", file, "--provenance-key", key, "--vendor", "acme");
    expect(code).toBe(0);
    expect((await suture("promote", "echod/edge/fix@1", "--to", "beta", "--vendor", "acme")).code).toBe(0);
    for (const channel of ["edge", "beta"]) {
      const out = join(folder, channel);
      const { answer } = await suture("publication", `echod/${channel}/fix@1`, "--out", out, "--vendor", "acme");
      expect(answer.provenance).toMatchObject([
        { builder: "https://ci.example.com/builders/7", buildType: "https://ci.example.com/make/v1" },
      ]);
      const text = await readFile(join(out, "publication.intoto.json"), "utf8");
      const publisher = envelopeKey(await readFile(join(out, "publisher-1.pem"), "utf8"));
      const statement = verifyEnvelope(readEnvelope(text, "it"), { keys: [publisher] }, PublicationStatement);
      expect(statement.subject[0]?.name).toBe(`echod/${channel}/fix@1.json`);
      expect(await readFile(join(out, "builder-1.pem"), "utf8")).toBe(await readFile(key, "utf8"));
    }
  });

  it("takes no provenance of something else, by another key, or by none", async () => {
    const { folder, payload, key, provenance } = await builtPatch("other");
    const publish = (file: string, ...more: string[]) =>
      suture("publish", folder, "--provenance", file, ...more, "--vendor", "acme");
    const wrong = await provenance(Buffer.from("something else"));
    expect(await publish(wrong, "--provenance-key", key)).toMatchObject({ code: 2 });
    const forged = await provenance(payload, generateKeyPairSync("ed25519").privateKey);
    expect(await publish(forged, "--provenance-key", key)).toMatchObject({
      code: 3,
      answer: { error: { code: "bad-signature" } },
    });
    expect(await publish(await provenance(payload))).toMatchObject({ code: 2 });
  });

  it("is believed of this very patch, vendor and key alone, with the provenance that it names", async () => {
    const { folder, payload, key, provenance } = await builtPatch("swap");
    const file = await provenance(payload);
    const before = service.requests.length;
    await suture("publish", folder, "--provenance", file, "--provenance-key", key, "--vendor", "acme");
    const sent = service.requests.slice(before).find(({ method }) => method === "PUT");
    const { files, publications } = JSON.parse(sent?.text.split("\n").at(-1) ?? "{}");
    const [path, text] = Object.entries<string>(files)[0] ?? ["", ""];
    const publication = Publication.parse(publications[path]);
    const manifest = Manifest.parse(JSON.parse(text));
    const { answer } = await suture("publication", "echod/edge/swap@1", "--vendor", "acme");
    const keys = [envelopeKey(answer.keys[0])];
    const patch = { vendor: "acme", manifest, text };
    const wanted = { keys, threshold: 1 };
    const verify =
      (change: object, about = {}, by = wanted) =>
      () =>
        verifyPublication({ ...publication, ...change }, { ...patch, ...about }, by);
    expect(verify({})().provenance).toHaveLength(1);
    const unfit = expect.objectContaining({ code: "invalid-patch" });
    expect(verify({ provenance: [] })).toThrow(unfit);
    const other = JSON.parse(await readFile(await provenance(Buffer.from("other")), "utf8"));
    expect(verify({ provenance: [other] })).toThrow(unfit);
    expect(verify({}, { vendor: "globex" })).toThrow(unfit);
    expect(verify({}, { text: `${text} ` })).toThrow(unfit);
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    expect(verify({}, {}, { keys: [stranger], threshold: 1 })).toThrow(
      expect.objectContaining({ code: "bad-signature" }),
    );
    expect(verify({}, {}, { keys, threshold: 2 })).toThrow(expect.objectContaining({ code: "bad-signature" }));
  });
});

describe("receipts", () => {
  it("are exported with the keys that verify them, and one that is not the machine's is an error", async () => {
    const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    const { kty, crv, x } = await crypto.subtle.exportKey("jwk", publicKey);
    const keys = { publicKey: MachineKey.parse({ kty, crv, x }), privateKey };
    const machine = machineIdOf(keys.publicKey);
    await service.stores.customers.create({ customer: "globex", title: "Globex", createdAt: 1, groups: {} });
    const host = { hostname: "h", os: "linux", arch: "x86_64", kernel: "6", bootId: "b", agent: "1" };
    const facts = { ...host, builds: [], engines: [] };
    await service.stores.machines.enrol({
      machine,
      customer: "globex",
      group: "g",
      publicKey: keys.publicKey,
      enrolledAt: 1,
      facts,
    });
    const receipt = {
      machine,
      sequence: 1,
      patch: "acme/echod/edge/fix@1",
      manifest: "ab".repeat(32),
      action: "apply",
      code: "applied",
      detail: "",
      evidence: {},
      planSeq: 1,
      at: 1_795_651_200,
    } as const;
    const text = await signReceipt(receipt, keys);
    await service.stores.receipts.put({ machine, sequence: 1, receipt: text, receivedAt: 1 });
    const out = join(home, "receipts");
    const exported = () => suture("receipts", "export", "--customer", "globex", "--out", out);
    expect(await exported()).toMatchObject({ code: 0, answer: { receipts: 1, machines: 1 } });
    const [line = ""] = (await readFile(join(out, `${machine}.intoto.jsonl`), "utf8")).split("\n");
    const key = createPublicKey(await readFile(join(out, `${machine}.pem`), "utf8"));
    expect(verifyEnvelope(readEnvelope(line, "it"), { keys: [key] }, ReceiptStatement).subject[0].name).toBe(
      receipt.patch,
    );
    const forged = text.replace(/"sig":"./, (found) =>
      found.endsWith("A") ? `${found.slice(0, -1)}B` : `${found.slice(0, -1)}A`,
    );
    await service.stores.receipts.put({ machine, sequence: 2, receipt: forged, receivedAt: 2 });
    expect(await exported()).toMatchObject({ code: 3, answer: { error: { bad: 1 } } });
  });
});
