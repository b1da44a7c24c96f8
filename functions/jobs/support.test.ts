import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { machinesPerRun, warnOfSupport } from "./support.ts";

const day = 86_400_000;
const lastDay = "2026-12-31";
const end = Date.parse("2027-01-01T00:00:00Z");
const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
let stores: Stores;
let stop: () => Promise<void>;
beforeAll(async () => {
  const dynamo = await startDynamo();
  stores = openStores(dynamoSdk(dynamo));
  stop = dynamo.stop;
});
afterAll(() => stop());

it("what ends is written into the logs of its vendor and of the customers that run it, at 30 days, at 7, and at the end, each once", async () => {
  const [vendor, product] = ["acme", "linux"];
  const key = { keyid: "k", keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: { public: "" } } as const;
  const online = { public: key, wrapped: "" };
  const onlineKeys = { snapshot: online, timestamp: online };
  await stores.vendors.create({ vendor, title: "Acme", createdAt: end, onlineKeys } as never);
  const kernel = { title: "Debian 12", arch: "x86_64", kernel: "6.1.0-28-amd64", until: lastDay };
  await stores.support.put({ vendor, product, matrix: { kernels: [kernel], builds: [], programs: [] } });
  for (const [customer, runs] of [
    ["runs-it", "6.1.0-28-amd64"],
    ["runs-another", "6.12.0"],
  ] as const) {
    await stores.subscriptions.put({ customer, stream: "acme/linux/stable", seats: 9, endsAt: null, createdAt: end });
    const facts = { hostname: "h", os: "linux", arch: "x86_64", kernel: runs, bootId: "b", agent: "1" };
    const machine = { machine: `m-${customer}`, customer, group: "web", publicKey, enrolledAt: end - 31 * day };
    await stores.machines.enrol({ ...machine, facts: { ...facts, builds: [], engines: [] } });
  }
  const warningsAt = async (now: number) => (await warnOfSupport({ ...stores, now })).warnings;
  expect(await warningsAt(end - 30 * day - 1000)).toBe(0);
  expect(await warningsAt(end - 30 * day)).toBe(1);
  expect(await warningsAt(end - 20 * day)).toBe(0);
  expect(await warningsAt(end - 7 * day)).toBe(1);
  expect(await warningsAt(end)).toBe(1);
  expect(await warningsAt(end + day)).toBe(0);

  const words = (log: string) => stores.audit.list(log).then(({ items }) => items.map(({ what }) => what));
  const of = "support of acme/linux for Debian 12 (kernel 6.1.0-28-amd64)";
  const said = [`${of} has ended`, `${of} ends in 7 days`, `${of} ends in 30 days`];
  expect(await words("vendor/acme")).toEqual(said);
  expect(await words("customer/runs-it")).toEqual(said);
  expect(await words("customer/runs-another")).toEqual([]);
  const [entry] = (await stores.audit.list("customer/runs-it")).items;
  expect(JSON.parse(entry?.after ?? "")).toEqual({ until: new Date(end).toISOString(), machines: 1 });
});

it("the machines that a warning concerns are counted over several runs, none of which reads more than it may", async () => {
  const [vendor, product] = ["bolt", "linux"];
  const key = { keyid: "k", keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", keyval: { public: "" } } as const;
  const online = { public: key, wrapped: "" };
  await stores.vendors.create({
    vendor,
    title: "B",
    createdAt: end,
    onlineKeys: { snapshot: online, timestamp: online },
  } as never);
  const kernel = { title: "Debian 12", arch: "x86_64", kernel: "6.1.0-28-amd64", until: "2027-12-31" };
  await stores.support.put({ vendor, product, matrix: { kernels: [kernel], builds: [], programs: [] } });
  for (const customer of ["aaa", "huge", "zzz"])
    await stores.subscriptions.put({ customer, stream: "bolt/linux/stable", seats: 9, endsAt: null, createdAt: end });
  const facts = {
    hostname: "h",
    os: "linux",
    arch: "x86_64",
    kernel: kernel.kernel,
    bootId: "b",
    agent: "1",
    builds: [],
    engines: [],
  };
  const now = Date.parse("2027-12-03T12:00:00Z");
  const enrolled = {
    group: "web",
    publicKey,
    enrolledAt: now,
    seenAt: now,
    counter: 0,
    boots: [],
    bodyHash: "",
    patches: [],
    facts,
  };
  const sizes: Record<string, number> = { aaa: 1, huge: 120_000, zzz: 2 };
  let read = 0;
  const machines = {
    listByCustomer(customer: string, { limit = 100, cursor = "0" } = {}) {
      const from = Number(cursor);
      const size = Math.min(limit, (sizes[customer] ?? 0) - from);
      read += size;
      const items = Array.from({ length: size }, (_, at) => ({ ...enrolled, machine: `m-${from + at}`, customer }));
      return Promise.resolve({ items, ...(from + size < (sizes[customer] ?? 0) && { cursor: String(from + size) }) });
    },
  };
  const reads: number[] = [];
  for (let warnings = 0; warnings === 0 && reads.length < 10; reads.push(read)) {
    read = 0;
    ({ warnings } = await warnOfSupport({ ...stores, machines, now }));
  }
  expect(reads).toHaveLength(3);
  expect(Math.max(...reads)).toBeLessThanOrEqual(machinesPerRun + 500);
  const machinesOf = async (log: string) =>
    (await stores.audit.list(log)).items.map(({ after }) => JSON.parse(after ?? "").machines);
  expect(await machinesOf("vendor/bolt")).toEqual([120_003]);
  expect(await machinesOf("customer/huge")).toEqual([120_000]);
  expect(await machinesOf("customer/zzz")).toEqual([2]);
});
