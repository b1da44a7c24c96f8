import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { serviceSigners } from "../../infra/local/keys.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { fsBlobs } from "../stores/blobs/fs.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { collect } from "../stores/page.ts";
import { metadataKey } from "./online-metadata.ts";
import { type PublishRepositoryDeps, publishRepository } from "./recalls.ts";
import { foundService, serviceRepository } from "./service-repository.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
const day = 86_400_000;
const clock = { now: start };
const patch = "acme/echod/stable/fix@1";
let folder: string;
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stores: Stores;
let deps: PublishRepositoryDeps;

beforeEach(async () => {
  clock.now = start;
  folder = await mkdtemp(join(tmpdir(), "suture-recalls-"));
  dynamo = await startDynamo();
  stores = openStores(dynamoSdk(dynamo));
  const now = () => clock.now;
  const blobs = await fsBlobs({ directory: folder, baseUrl: "http://blobs", secret: new Uint8Array(32), clock: now });
  const signers = await serviceSigners(join(folder, "keys"));
  deps = { ...stores, blobs, now, recallsSigner: signers.recalls, keysOf: () => Promise.resolve(signers) };
  await foundService(signers, deps);
});
afterEach(async () => {
  await dynamo.stop();
  await rm(folder, { recursive: true });
});

/** What a client reads of the service's recalls today. */
async function publicRecalls() {
  const read = async (name: string) => (await deps.blobs.get(metadataKey(serviceRepository, name)))?.bytes;
  const root = await read("1.root.json");
  if (root === undefined) throw new Error("no root");
  const client = TrustedRepository.open(new Map([["root", root]]), new Date(clock.now));
  await client.refresh(read, ["recalls"]);
  return ["recalls/recalls.json", "recalls/stops.json"].map((path) => client.target(path) !== undefined);
}

const recall = () => stores.recalls.append({ kind: "recall", patch, reason: "it corrupts", at: start });
const markLive = () =>
  stores.patches.put({
    id: patch,
    manifest: {} as never,
    manifestSha256: "0".repeat(64),
    manifestLength: 2,
    state: "live",
    liveAt: start,
  });

it("no plan undoes a patch before its recall is public, however often the job is killed on the way", async () => {
  await markLive();
  await recall();
  const killed: PublishRepositoryDeps = {
    ...deps,
    repositories: { ...deps.repositories, recordPublished: () => Promise.reject(new Error("killed")) },
  };
  await expect(publishRepository(serviceRepository, killed)).rejects.toThrow("killed");
  expect((await stores.patches.get(patch))?.state).toBe("live");
  await publishRepository(serviceRepository, deps);
  expect(await publicRecalls()).toEqual([true, false]);
  expect(await stores.patches.get(patch)).toMatchObject({
    state: "withdrawn",
    withdrawnAt: start,
    reason: "it corrupts",
  });
  expect(await collect((page) => stores.recalls.list(page))).toMatchObject([{ number: 1, publicAt: start }]);
});

it("recalls are signed again long before their role expires, though nothing new is recalled", async () => {
  await recall();
  await stores.recalls.append({ kind: "stop", vendor: "acme", reason: "stolen", at: start });
  for (clock.now = start; clock.now < start + 360 * day; clock.now += 2 * day) {
    await publishRepository(serviceRepository, deps);
    expect(await publicRecalls()).toEqual([true, true]);
  }
});
