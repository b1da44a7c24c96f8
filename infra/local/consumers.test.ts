import { afterEach, beforeEach, expect, test } from "vitest";
import type { Work } from "../../functions/jobs/consume.ts";
import { type ConsumerName, consumerNames } from "../../functions/jobs/consumers.ts";
import { streamWork } from "../../functions/jobs/stream-work.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { sampleManifest } from "../../test/support/manifest.ts";
import { startConsumers } from "./consumers.ts";
import { startDynamo } from "./dynamodb.ts";
import { openStores, type Stores } from "./stores.ts";

let local: Awaited<ReturnType<typeof startDynamo>>;
let stores: Stores;
beforeEach(async () => {
  local = await startDynamo();
  stores = openStores(dynamoSdk(local));
});
afterEach(() => local.stop());

const stream = "acme/echod/stable";
const state = (machine: string, customer: string) => ({
  machine,
  customer,
  patchId: `${stream}/fix@1`,
  state: "applied" as const,
  action: "apply" as const,
  detail: "",
  at: 1,
  receipt: 1,
});

test("a recall reaches the epochs while every other consumer hangs or fails, and one customer's counts while another's cannot be written", async () => {
  const now = () => Date.now();
  const real = streamWork({ ...stores, now });
  let isBroken = true;
  let release: () => void = () => undefined;
  const hanging = new Promise<void>((resolve) => {
    release = resolve;
  });
  const work: Record<ConsumerName, Work> = {
    ...real,
    fleet: () => hanging,
    rollouts: () => hanging,
    audit: () => Promise.reject(new TypeError("it is broken")),
    outcomes: async (changes) => {
      if (isBroken && changes.some(({ newImage }) => newImage?.customer === "bad")) throw new TypeError("a bad record");
      await real.outcomes(changes);
    },
  };
  const running = startConsumers({ dynamo: local, work, now, log: () => undefined });
  const manifest = Manifest.parse(sampleManifest({ channel: "stable" }));
  const id = `${stream}/fix@1`;
  await stores.states.record(state("m-1", "bad"));
  await stores.states.record(state("m-2", "good"));
  const record = { id, manifest, manifestSha256: "5".repeat(64), manifestLength: 1, liveAt: 1 };
  await stores.patches.put({ ...record, state: "live" });
  await stores.patches.markWithdrawn(id, { at: 2, reason: "It was bad" });
  const scopes = async () => Object.keys((await stores.changes.read({ consistent: true })).scopes);
  await expect.poll(scopes, { timeout: 10_000 }).toContain(`p:${stream}`);
  const applied = async (customer: string) => (await stores.outcomes.counts({ customer, patch: id })).applied;
  await expect.poll(() => applied("good"), { timeout: 10_000 }).toBe(1);
  expect(await applied("bad")).toBe(0);
  expect(running.setAside("outcomes")).toBe(1);

  isBroken = false;
  await running.retry();
  expect([await applied("bad"), running.setAside("outcomes")]).toEqual([1, 0]);
  release();
  await running.stop();
  expect(consumerNames[0]).toBe("epochs");
});
