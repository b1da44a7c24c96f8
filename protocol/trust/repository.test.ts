import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { acceptRole, acceptRoot, acceptTargets } from "./accept.ts";
import { digestOf, newRoot, newSnapshot, newTargets, newTimestamp, readMetadata, signMetadata } from "./edit.ts";
import { type Signer, tufKey } from "./signer.ts";
import { TrustedRepository } from "./verify.ts";

const start = new Date("2026-11-25T00:00:00Z");
const inDays = (days: number) => new Date(start.getTime() + days * 86_400_000);

function memorySigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = tufKey(publicKey.export({ type: "spki", format: "pem" }).toString());
  return { key, sign: (bytes) => Promise.resolve(sign("sha256", bytes, privateKey)) };
}

const rootKeys = [memorySigner(), memorySigner()];
const [targetsKey, publisher, snapshotKey, timestampKey] = [
  memorySigner(),
  memorySigner(),
  memorySigner(),
  memorySigner(),
];
const one = (signer: Signer) => ({ keys: [signer.key], threshold: 1 });
const online = { snapshot: snapshotKey.key, timestamp: timestampKey.key };
const manifest = digestOf(Buffer.from("a manifest"));
const path = "echod/stable/fix@1.json";

async function repository() {
  const files = new Map<string, string>();
  const root = newRoot(
    { version: 1, expires: inDays(365) },
    {
      root: { keys: rootKeys.map((signer) => signer.key), threshold: 2 },
      targets: one(targetsKey),
      snapshot: one(snapshotKey),
      timestamp: one(timestampKey),
    },
  );
  files.set("1.root.json", await signMetadata(root, rootKeys));
  const delegation = { role: "echod.stable", pathPrefix: "echod/stable/", ...one(publisher) };
  files.set(
    "1.targets.json",
    await signMetadata(newTargets({ version: 1, expires: inDays(365) }, new Map(), [delegation]), [targetsKey]),
  );
  async function publish(version: number, paths: Map<string, typeof manifest>, expires = inDays(7)) {
    const role = await signMetadata(newTargets({ version, expires: inDays(180) }, paths), [publisher]);
    files.set(`${version}.echod.stable.json`, role);
    const meta = new Map([
      ["targets", { version: 1, ...digestOf(Buffer.from(files.get("1.targets.json") ?? "")) }],
      ["echod.stable", { version, ...digestOf(Buffer.from(role)) }],
    ]);
    const snapshot = await signMetadata(newSnapshot({ version, expires }, meta), [snapshotKey]);
    files.set(`${version}.snapshot.json`, snapshot);
    const timestamp = newTimestamp({ version, expires: inDays(3) }, { version, ...digestOf(Buffer.from(snapshot)) });
    files.set("timestamp.json", await signMetadata(timestamp, [timestampKey]));
  }
  await publish(1, new Map([[path, manifest]]));
  const fetch = (name: string) => Promise.resolve(files.has(name) ? Buffer.from(files.get(name) ?? "") : undefined);
  const trust = new Map([["root", Buffer.from(files.get("1.root.json") ?? "")]]);
  return { files, publish, fetch, trust };
}

describe("a TUF repository", () => {
  it("is read through the delegated role, and its files are enough to read it again without the network", async () => {
    const { fetch, trust } = await repository();
    const repo = TrustedRepository.open(trust, start);
    await repo.refresh(fetch, ["echod.stable"]);
    expect(repo.target(path)).toEqual({ path, role: "echod.stable", ...manifest });
    const again = TrustedRepository.open(repo.files, start);
    await again.load(["echod.stable"]);
    expect(again.target(path)?.sha256).toBe(manifest.sha256);
  });

  it("that goes back to an older timestamp is refused as a rollback, and what was trusted stays", async () => {
    const { files, publish, fetch, trust } = await repository();
    const old = files.get("timestamp.json") ?? "";
    await publish(2, new Map());
    const repo = TrustedRepository.open(trust, start);
    await repo.refresh(fetch, ["echod.stable"]);
    files.set("timestamp.json", old);
    await expect(repo.refresh(fetch, ["echod.stable"])).rejects.toMatchObject({ code: "rollback-detected" });
    expect(TrustedRepository.open(repo.files, start).versions.root).toBe(1);
  });

  it("whose timestamp has expired is refused as expired", async () => {
    const { fetch, trust } = await repository();
    const repo = TrustedRepository.open(trust, inDays(4));
    await expect(repo.refresh(fetch)).rejects.toMatchObject({ code: "metadata-expired" });
  });

  it("with a role that the snapshot does not name gives no target from it", async () => {
    const { fetch, trust } = await repository();
    const repo = TrustedRepository.open(trust, start);
    await repo.refresh(fetch, ["echod.beta"]);
    expect(repo.target("echod/beta/fix@1.json")).toBeUndefined();
  });

  it("with a snapshot whose role file is missing or changed is refused", async () => {
    const { files, fetch, trust } = await repository();
    const role = files.get("1.echod.stable.json") ?? "";
    files.set("1.echod.stable.json", role.replace(/"version":1/, '"version":2'));
    await expect(TrustedRepository.open(trust, start).refresh(fetch, ["echod.stable"])).rejects.toMatchObject({
      code: "untrusted-metadata",
    });
    files.delete("1.echod.stable.json");
    await expect(TrustedRepository.open(trust, start).refresh(fetch, ["echod.stable"])).rejects.toMatchObject({
      code: "untrusted-metadata",
    });
  });
});

describe("the service's acceptance of a vendor's metadata", () => {
  it("takes a root of two keys, its targets and a role that they delegate", async () => {
    const { files } = await repository();
    const root = acceptRoot(files.get("1.root.json") ?? "", undefined, online);
    const targets = acceptTargets(files.get("1.targets.json") ?? "", root);
    expect(acceptRole(files.get("1.echod.stable.json") ?? "", "echod.stable", targets).signed.version).toBe(1);
  });

  it("refuses a root with one of its two signatures, or with an online key that is not the service's", async () => {
    const { files } = await repository();
    const root = readMetadata("root", files.get("1.root.json") ?? "").signed;
    const half = await signMetadata(root, rootKeys.slice(0, 1));
    expect(() => acceptRoot(half, undefined, online)).toThrow(expect.objectContaining({ code: "bad-signature" }));
    const whole = files.get("1.root.json") ?? "";
    expect(() => acceptRoot(whole, undefined, { ...online, snapshot: publisher.key })).toThrow(
      expect.objectContaining({ code: "invalid-metadata" }),
    );
  });

  it("refuses a role signed by another key, and one that names another channel's path", async () => {
    const { files } = await repository();
    const root = acceptRoot(files.get("1.root.json") ?? "", undefined, online);
    const targets = acceptTargets(files.get("1.targets.json") ?? "", root);
    const body = (paths: Map<string, typeof manifest>) => newTargets({ version: 2, expires: inDays(180) }, paths);
    const forged = await signMetadata(body(new Map([[path, manifest]])), [targetsKey]);
    expect(() => acceptRole(forged, "echod.stable", targets)).toThrow(
      expect.objectContaining({ code: "bad-signature" }),
    );
    const stray = await signMetadata(body(new Map([["echod/beta/fix@1.json", manifest]])), [publisher]);
    expect(() => acceptRole(stray, "echod.stable", targets)).toThrow(
      expect.objectContaining({ code: "invalid-metadata" }),
    );
  });
});
