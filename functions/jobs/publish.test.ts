import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf, newRoot, newTargets, readMetadata, signMetadata } from "../../protocol/trust/edit.ts";
import { privateKeySigner } from "../../protocol/trust/signer.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { onlineIdsOf } from "../domain/online-keys.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import { fsBlobs } from "../stores/blobs/fs.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { tableName, tables } from "../stores/tables.ts";
import { metadataKey } from "./online-metadata.ts";
import { type PublishDeps, publish } from "./publish.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
const hour = 3_600_000;
const signer = () => privateKeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
const keys = { root: signer(), targets: signer(), publisher: signer(), snapshot: signer(), timestamp: signer() };
const one = (of: ReturnType<typeof signer>) => ({ keys: [of.key], threshold: 1 });
const role = "echod.stable";
const stream = "acme/echod/stable";
const manifestPath = "echod/stable/fix@1.json";
const manifest = JSON.stringify({
  manifest: 1,
  product: "echod",
  channel: "stable",
  patch: "fix",
  version: 1,
  title: "fix",
  severity: "high",
  variants: [
    {
      engine: "elf",
      functions: [{ name: "f", replacement: "g" }],
      match: { buildId: "aabbccdd", arch: "x86_64" },
      bundle: { sha256: "0".repeat(64), size: 1, encoding: "zstd", payload: { sha256: "0".repeat(64), size: 1 } },
    },
  ],
});

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let folder: string;
let blobs: Blobs;
let stores: Stores;
let deps: PublishDeps;
let vendor: string;
let vendors = 0;
const clock = { now: start };

beforeAll(async () => {
  dynamo = await startDynamo();
  folder = await mkdtemp(join(tmpdir(), "suture-publish-"));
  blobs = await fsBlobs({
    directory: folder,
    baseUrl: "http://blobs",
    secret: new Uint8Array(32),
    clock: () => clock.now,
  });
  stores = openStores(dynamoSdk(dynamo));
});
afterAll(async () => {
  await dynamo.stop();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  clock.now = start;
  vendor = `acme${++vendors}`;
  deps = { ...stores, blobs, keysOf: () => Promise.resolve(keys), now: () => clock.now };
  const heading = { version: 1, expires: new Date(start + 365 * 24 * hour) };
  const delegation = { role, pathPrefix: "echod/stable/", ...one(keys.publisher) };
  await accept("root", 1, await rootOf(1, keys));
  await accept("targets", 1, await signMetadata(newTargets(heading, new Map(), [delegation]), [keys.targets]));
});

async function accept(name: string, version: number, body: string) {
  await stores.roles.accept({ vendor, role: name, version, body, acceptedAt: start, by: "test" });
}

/** A root that lets these keys sign snapshot and timestamp. */
async function rootOf(version: number, { snapshot, timestamp }: Pick<typeof keys, "snapshot" | "timestamp">) {
  const roles = {
    root: one(keys.root),
    targets: one(keys.targets),
    snapshot: one(snapshot),
    timestamp: one(timestamp),
  };
  return await signMetadata(newRoot({ version, expires: new Date(start + 365 * 24 * hour) }, roles), [keys.root]);
}

function unknown(root: string): never {
  throw new Error(`No keys that ${root} names`);
}

async function acceptRole(version: number, files: Record<string, string>) {
  const digests = new Map(Object.entries(files).map(([path, text]) => [path, digestOf(Buffer.from(text))]));
  for (const [path, text] of Object.entries(files)) {
    await blobs.put(metadataKey(vendor, targetFileName(path, digestOf(Buffer.from(text)).sha256)), Buffer.from(text));
  }
  const heading = { version, expires: new Date(start + 180 * 24 * hour) };
  await accept(role, version, await signMetadata(newTargets(heading, digests), [keys.publisher]));
}

/** What a client that trusts the first root sees. */
async function client(): Promise<TrustedRepository> {
  const root = await blobs.get(metadataKey(vendor, "1.root.json"));
  const repository = TrustedRepository.open(new Map([["root", root?.bytes ?? new Uint8Array()]]), new Date(clock.now));
  await repository.refresh(async (name) => (await blobs.get(metadataKey(vendor, name)))?.bytes, [role]);
  return repository;
}

const live = async () =>
  (await stores.patches.listByStream(stream.replace("acme", vendor))).items.map(({ id, state }) => [id, state]);

describe("publishing", () => {
  it("makes what the vendor signed public, and records its patches as live", async () => {
    await acceptRole(1, { [manifestPath]: manifest });
    expect(await publish(vendor, deps)).toMatchObject({ published: true });
    expect((await client()).target(manifestPath)?.length).toBe(manifest.length);
    expect(await live()).toEqual([[`${vendor}/echod/stable/fix@1`, "live"]]);
    expect(await publish(vendor, deps)).toEqual({ published: false, because: "up-to-date" });
  });

  it("of a recall withdraws the patch, and of a role without it supersedes it", async () => {
    await acceptRole(1, { [manifestPath]: manifest });
    await publish(vendor, deps);
    await acceptRole(2, {});
    await publish(vendor, deps);
    expect(await live()).toEqual([[`${vendor}/echod/stable/fix@1`, "superseded"]]);
    const recalls = JSON.stringify({
      recalls: [{ patch: "fix@1", reason: "breaks", at: new Date(start).toISOString() }],
    });
    await acceptRole(3, { "echod/stable/recalls.json": recalls });
    await publish(vendor, deps);
    expect(await live()).toEqual([[`${vendor}/echod/stable/fix@1`, "withdrawn"]]);
  });

  it("says that there is nothing to publish yet where the vendor's root or targets are missing", async () => {
    expect(await publish("nobody", deps)).toEqual({ published: false, because: "incomplete" });
  });

  it("signs the timestamp again after 8 hours with a higher version, and the snapshot after 3 days", async () => {
    await acceptRole(1, {});
    await publish(vendor, deps);
    const first = (await client()).versions;
    clock.now += 7 * hour;
    expect(await publish(vendor, deps)).toMatchObject({ published: false });
    clock.now += hour;
    await publish(vendor, deps);
    expect((await client()).versions).toEqual({ ...first, timestamp: first.timestamp + 1 });
    clock.now += 72 * hour;
    await publish(vendor, deps);
    expect((await client()).versions.snapshot).toBe(first.snapshot + 1);
  });

  it.each([10, 400])("signs again what it signed while its clock was %i days ahead", async (days) => {
    await acceptRole(1, {});
    clock.now = start + days * 24 * hour;
    await publish(vendor, deps);
    clock.now = start + hour;
    expect(await publish(vendor, deps)).toMatchObject({ published: true });
    const shown = JSON.parse(
      Buffer.from((await blobs.get(metadataKey(vendor, "timestamp.json")))?.bytes ?? "").toString(),
    );
    expect(Date.parse(shown.signed.expires)).toBeLessThanOrEqual(clock.now + 72 * hour);
    expect(await publish(vendor, deps)).toMatchObject({ published: false });
    await client();
  });

  it("killed before or after any step leaves what every client accepts, and the next run ends it without signing a version twice", async () => {
    await acceptRole(1, {});
    await publish(vendor, deps);
    const signed = new Map<string, string>();
    const steps: string[] = [];
    for (let allowed = 0, version = 2, ended = false; !ended; allowed++) {
      for (const when of ["before", "after"] as const) {
        await acceptRole(version++, { [manifestPath]: manifest });
        const killed = killedAt(allowed, when);
        ended = await Promise.race([publish(vendor, killed.deps).then(() => true), killed.dead.then(() => false)]);
        if (!ended) steps.push(killed.step());
        await client();
        await publish(vendor, deps);
        expect((await client()).target(manifestPath)).toBeDefined();
        const text = Buffer.from((await blobs.get(metadataKey(vendor, "timestamp.json")))?.bytes ?? []).toString();
        const timestamp = String(readMetadata("timestamp", text).signed.version);
        expect(signed.get(timestamp) ?? text).toBe(text);
        signed.set(timestamp, text);
      }
    }
    const names = new Set(steps);
    for (const step of ["listAll", "reserve", "put", "keysOf", "sign", "recordPublished", "listByStream"])
      expect(names).toContain(step);
  });

  it("changes its online keys, killed after any step, so that no client ever meets what its root does not want", async () => {
    await acceptRole(1, {});
    await publish(vendor, deps);
    const steps: string[] = [];
    let old = keys;
    for (let allowed = 0, version = 2, ended = false; !ended; allowed++) {
      const next = { ...keys, snapshot: signer(), timestamp: signer() };
      const known = [old, next];
      deps.keysOf = async (_, root) =>
        known.find((each) => onlineIdsOf(root).timestamp === each.timestamp.key.keyid) ?? unknown(root);
      await accept("root", version, await rootOf(version++, next));
      const killed = killedAt(allowed, "after");
      ended = await Promise.race([publish(vendor, killed.deps).then(() => true), killed.dead.then(() => false)]);
      if (!ended) steps.push(killed.step());
      await client();
      await publish(vendor, deps);
      expect((await client()).versions.root).toBe(version - 1);
      // From here on nobody needs the old keys, and what they sign counts for nothing
      known.shift();
      clock.now += 9 * hour;
      await publish(vendor, deps);
      await client();
      old = next;
    }
    for (const step of ["keysOf", "reserve", "put", "sign", "recordPublished"]) expect(steps).toContain(step);
  });

  it("goes on with the new keys alone where the old ones can never be opened again, and waits where they can", async () => {
    await acceptRole(1, {});
    await publish(vendor, deps);
    const next = { ...keys, snapshot: signer(), timestamp: signer() };
    await accept("root", 2, await rootOf(2, next));
    let code: "unavailable" | "forbidden" = "unavailable";
    deps.keysOf = async (_, root) => {
      if (onlineIdsOf(root).timestamp === next.timestamp.key.keyid) return next;
      throw new SutureError(code, "the wrapping key does not open it");
    };
    await expect(publish(vendor, deps)).rejects.toMatchObject({ code });
    expect((await client()).versions.root).toBe(1);
    code = "forbidden";
    await publish(vendor, deps);
    expect((await client()).versions.root).toBe(2);
  });

  it("overtaken by another run at any step, however late it goes on, puts nothing older in the place of what is newer", async () => {
    await acceptRole(1, {});
    await publish(vendor, deps);
    let overtaken = 0;
    for (let at = 0, version = 2, ended = false; !ended; at++) {
      await acceptRole(version++, {});
      let newest = 0;
      const { deps: slow, reached } = stoppedAt(at, async () => {
        await acceptRole(version++, { [manifestPath]: manifest });
        await publish(vendor, deps);
        newest = (await client()).versions.timestamp;
        overtaken++;
      });
      await publish(vendor, slow).catch((error: unknown) => expect(error).toMatchObject({ code: "conflict" }));
      ended = !reached();
      if (ended) continue;
      expect((await client()).versions.timestamp).toBeGreaterThanOrEqual(newest);
      await publish(vendor, deps);
      expect((await client()).target(manifestPath)).toBeDefined();
    }
    expect(overtaken).toBeGreaterThan(10);
  });

  it("goes on a thousand versions past what is public where the table was restored, and refuses to show an older role", async () => {
    await acceptRole(1, {});
    await publish(vendor, deps);
    const { timestamp } = (await client()).versions;
    const row = {
      TableName: tableName(tables.repositories),
      Key: { repository: { S: vendor } },
      ReturnValues: "ALL_OLD" as const,
    };
    await dynamoSdk(dynamo).send("DeleteItem", row);
    await publish(vendor, deps);
    expect((await client()).versions.timestamp).toBe(timestamp + 1000);
    const old = { ...stores.roles, listAll: async () => withoutRole(await stores.roles.listAll(vendor)) };
    await acceptRole(2, {});
    await expect(publish(vendor, { ...deps, roles: old })).rejects.toMatchObject({ code: "rollback-detected" });
  });
});

const withoutRole = (roles: Awaited<ReturnType<typeof stores.roles.listAll>>) =>
  roles.filter((each) => each.role !== role);

/** The job's ports, with something that happens around the call of that number to any of them. */
function aroundCall(at: number, around: (call: () => Promise<unknown>, name: string) => Promise<unknown>) {
  let calls = 0;
  const wrap = (name: string, call: () => Promise<unknown>) => (calls++ === at ? around(call, name) : call());
  const watched = <T extends object>(part: T): T =>
    new Proxy(part, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => wrap(String(name), () => method.apply(target, args) as Promise<unknown>);
      },
    });
  return {
    ...deps,
    roles: watched(stores.roles),
    blobs: watched(blobs),
    repositories: watched(stores.repositories),
    patches: watched(stores.patches),
    keysOf: watched({
      keysOf: async (...asked: Parameters<PublishDeps["keysOf"]>) => {
        const { snapshot, timestamp } = await deps.keysOf(...asked);
        return { snapshot: watched(snapshot), timestamp: watched(timestamp) };
      },
    }).keysOf,
  };
}

function killedAt(at: number, when: "before" | "after") {
  let step = "";
  const { promise: dead, resolve: die } = Promise.withResolvers<void>();
  const killed = aroundCall(at, async (call, name) => {
    step = name;
    if (when === "after") await call().catch(() => undefined);
    die();
    // Nothing that a killed process had yet to do is done, not even what it does about errors
    return await new Promise<never>(() => undefined);
  });
  return { deps: killed, dead, step: () => step };
}

function stoppedAt(at: number, meanwhile: () => Promise<void>) {
  let reached = false;
  const slow = aroundCall(at, async (call) => {
    reached = true;
    await meanwhile();
    return await call();
  });
  return { deps: slow, reached: () => reached };
}
