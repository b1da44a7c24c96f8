import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { serviceSigners } from "../../infra/local/keys.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { openStreams } from "../../infra/local/streams.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { sampleManifest } from "../../test/support/manifest.ts";
import { newRollout } from "../domain/rollout.ts";
import { fsBlobs } from "../stores/blobs/fs.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { collect } from "../stores/page.ts";
import { type StreamEvent, tableChanges } from "../stores/streams.ts";
import { logJobs } from "./log-jobs.ts";
import { logPatches } from "./log-patches.ts";
import { publish } from "./publish.ts";
import { runGates } from "./rollout-gates.ts";
import { countSize } from "./rollout-size.ts";
import { startRollouts } from "./rollout-starts.ts";
import { tendSeats } from "./seats.ts";
import { foundService } from "./service-repository.ts";

const day = 86_400_000;
const minute = 60_000;
const stream = "acme/echod/stable";
const patch = `${stream}/fix@1`;
const start = Date.parse("2026-11-29T12:00:00Z");
const digest = "ab".repeat(32);

let stores: Stores;
let directory: string;
let read: () => Promise<StreamEvent[]>;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  const dynamo = await startDynamo();
  directory = await mkdtemp(join(tmpdir(), "suture-log-jobs-"));
  stores = openStores(dynamoSdk(dynamo));
  const streams = openStreams(dynamo);
  read = () => streams.read();
  stops.push(
    () => streams.close(),
    () => dynamo.stop(),
  );
});
afterAll(async () => {
  for (const stop of stops) await stop();
  await rm(directory, { recursive: true });
});

/** Follows the streams as the platform does that gives each batch twice. */
async function follow(): Promise<void> {
  for (let events = await read(); events.length > 0; events = await read()) {
    for (const event of [...events, ...events]) {
      const batch = tableChanges(event);
      await startRollouts(batch, { ...stores, now: start });
      await logJobs(batch, stores);
      await logPatches(batch, stores);
    }
  }
}

/** What the sweeps do for rollouts whose wave has opened. */
async function countSizes(): Promise<void> {
  for (const rollout of (await stores.rollouts.listRunning()).items)
    await countSize(rollout, 1000, { ...stores, now: () => start });
}

async function logOf(log: string) {
  const entries = await collect((page) => stores.audit.list(log, page));
  return entries.map(({ who, what, why, before, after }) => ({
    said: `${who}: ${what}`,
    why,
    before: before === undefined ? undefined : JSON.parse(before),
    after: JSON.parse(after ?? "null"),
  }));
}

const manifest = Manifest.parse(sampleManifest({ channel: "stable" }));

it("the gates' waves, halts and ends are in the customer's log with the reason, and a hold for everyone in the vendor's", async () => {
  const record = { id: patch, manifest, manifestSha256: digest, manifestLength: 1, liveAt: start };
  await stores.subscriptions.put({ customer: "globex", stream, seats: 9, endsAt: null, createdAt: start });
  const waves = [
    { share: 0.5, bakeMinutes: 30 },
    { share: 1, bakeMinutes: 0 },
  ];
  await stores.policies.put("globex", { name: "all", order: 0, policy: { waves, onHalt: "undo" } });
  await stores.patches.put({ ...record, state: "live" });
  await follow();
  await countSizes();
  await runGates({ ...stores, now: start + 31 * minute });
  await countSizes();
  const failed = { machine: "m-1", receipt: 1, outcome: "failed", cause: "quarantined" } as const;
  for (const customer of ["globex", "initech", "umbrella"]) {
    if (customer !== "globex") {
      const policy = { waves, failureLimit: 0.05, onHalt: "keep" } as const;
      await stores.rollouts.create(newRollout({ customer, patch, size: 1 }, { ...policy, waves: [...waves] }, start));
    }
    await stores.outcomes.record({ customer, patch }, [failed], { now: start, phase: 0 });
  }
  await runGates({ ...stores, now: start + 32 * minute });
  await stores.patches.markWithdrawn(patch, { at: start, reason: "It was bad" });
  await follow();

  expect(await logOf("customer/globex")).toEqual([
    {
      said: `service, gates: halted: rollout of ${patch}`,
      why: expect.stringContaining("1 of 1 machines failed"),
      before: { state: "running", wave: 2, undoing: false },
      after: { state: "halted", wave: 2, undoing: true },
    },
    {
      said: `service, gates: wave: rollout of ${patch}`,
      why: undefined,
      before: { state: "running", wave: 1, undoing: false },
      after: { state: "running", wave: 2, undoing: false },
    },
    {
      said: `service, gates: started: rollout of ${patch}`,
      why: undefined,
      before: undefined,
      after: { state: "running", wave: 1, undoing: false },
    },
  ]);
  const vendors = await logOf("vendor/acme");
  const ofVendor = (what: string) => vendors.filter(({ said }) => said === `service, ${what}: ${patch}`);
  expect(vendors).toHaveLength(5);
  expect(ofVendor("publish: live")).toMatchObject([{ after: { state: "live" } }]);
  expect(ofVendor("gates: halted by a customer")).toHaveLength(2);
  expect(ofVendor("gates: held for everyone")).toMatchObject([
    { before: { held: false, halts: 2 }, after: { held: true, halts: 3 } },
  ]);
  expect(ofVendor("publish: withdrawn")).toMatchObject([
    { why: "It was bad", before: { state: "live" }, after: { state: "withdrawn" } },
  ]);
  expect(JSON.stringify(vendors)).not.toMatch(/globex|initech|umbrella/);
});

it("a person's decision is not logged a second time as the gates'", async () => {
  const rollout = newRollout(
    { customer: "hooli", patch, size: 1 },
    { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.05, onHalt: "keep" },
    start,
  );
  await stores.rollouts.create(rollout);
  const event = { at: start, what: "approved", by: "ann", wave: 0, detail: "" } as const;
  await stores.rollouts.update({ ...rollout, revision: 2, history: [...rollout.history, event] });
  await follow();
  expect((await logOf("customer/hooli")).map(({ said }) => said)).toEqual([
    `service, gates: started: rollout of ${patch}`,
  ]);
});

it("a seat that is freed, what is published and what the service signs are logged", async () => {
  const customer = "seated";
  const facts = { hostname: "h", os: "o", arch: "a", kernel: "k", bootId: "b", agent: "0", builds: [], engines: [] };
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  await stores.customers.create({ customer, title: "S", createdAt: start, groups: {} });
  await stores.subscriptions.put({ customer, stream, seats: 1, endsAt: null, createdAt: start });
  await stores.machines.enrol({
    machine: "m-s",
    customer,
    group: "default",
    publicKey,
    enrolledAt: start - 60 * day,
    facts,
  });
  const seat = { customer, stream, machine: "m-s", seatedAt: start - 60 * day };
  await stores.seats.claim(seat, { seats: 1, at: seat.seatedAt });
  // an old seat's machine is read at one hour of the day
  for (let hour = 0; hour < 24; hour++) await tendSeats({ ...stores, now: start + hour * 3_600_000 });

  const secret = Buffer.alloc(32, 1);
  const blobs = await fsBlobs({ directory, baseUrl: "http://127.0.0.1", secret, clock: Date.now });
  const signers = await serviceSigners(directory);
  await foundService(signers, { ...stores, blobs, now: () => start });
  const deps = { ...stores, blobs, keysOf: async () => signers, now: () => start };
  await publish("service", deps);
  await publish("service", { ...deps, now: () => start + 9 * 3_600_000 });
  await follow();

  expect(await logOf("customer/seated")).toMatchObject([
    { said: `service, seats: freed: the seat of m-s on ${stream}`, why: expect.stringContaining("silent") },
  ]);
  const own = await logOf("service");
  const [second, first] = own.filter(({ said }) => said === "service, publish: published: service");
  expect(first).toMatchObject({ after: { snapshot: 1, timestamp: 1 } });
  expect(first?.before).toBeUndefined();
  expect(second).toMatchObject({ before: { timestamp: 1 }, after: { snapshot: 1, timestamp: 2 } });
  expect(own.map(({ said }) => said)).toEqual(
    expect.arrayContaining([
      "service, signing: signed: the service's root",
      "service, signing: signed: the service's targets",
    ]),
  );
  expect(own).toHaveLength(4);
});
