import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { indexFleet } from "../../../functions/jobs/fleet.ts";
import { PlanInputsCache } from "../../../functions/plan-inputs.ts";
import { readMachine } from "../../../functions/portal/machines/read.ts";
import { dynamoSdk } from "../../../functions/stores/dynamo-sdk.ts";
import { collect } from "../../../functions/stores/page.ts";
import { startDynamo } from "../dynamodb.ts";
import { openStores } from "../stores.ts";
import { customer } from "./account.ts";
import { seedDatabase } from "./seed.ts";

const folder = await mkdtemp(join(tmpdir(), "suture-seed-test-"));
afterAll(() => rm(folder, { recursive: true }));

test("a seeded fleet is as the service itself would have it: the job that keeps the index finds nothing to change, and receipts verify", async () => {
  const dataFile = join(folder, "suture.db");
  const now = Date.now();
  await seedDatabase({ machines: 80, dataFile, people: { "ann@globex.test": "owner" }, now });
  const database = await startDynamo({ dataFile });
  try {
    const stores = openStores(dynamoSdk(database));
    const before = await collect((page) => stores.fleet.list(customer, {}, page));
    const counts = await stores.fleet.counts(customer);
    expect(before).toHaveLength(80);
    expect(Object.values(counts.conditions).reduce((sum, count) => sum + count, 0)).toBe(80);
    const ids = before.map(({ machine }) => machine);
    await indexFleet(ids, { ...stores, inputs: new PlanInputsCache(stores), now: () => now });
    expect(await collect((page) => stores.fleet.list(customer, {}, page))).toEqual(before);
    expect(await stores.fleet.counts(customer)).toEqual(counts);
    const views = await Promise.all(ids.map((id) => readMachine(stores, customer, id, now)));
    const receipts = views.flatMap((view) => view.receipts);
    expect(receipts.length).toBeGreaterThan(20);
    expect(receipts.every(({ receipt }) => receipt !== undefined)).toBe(true);
  } finally {
    await database.stop();
  }
});
