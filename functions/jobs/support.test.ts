import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { warnOfSupport } from "./support.ts";

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
