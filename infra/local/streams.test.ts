import { afterEach, beforeEach, expect, test } from "vitest";
import { customersStore } from "../../functions/stores/customers.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { receiptsStore } from "../../functions/stores/receipts.ts";
import { type TableChange, tableChanges } from "../../functions/stores/streams.ts";
import { subscriptionsStore } from "../../functions/stores/subscriptions.ts";
import { startDynamo } from "./dynamodb.ts";
import { followStreams } from "./streams.ts";

let local: Awaited<ReturnType<typeof startDynamo>>;
beforeEach(async () => {
  local = await startDynamo();
});
afterEach(() => local.stop());

const customer = { customer: "c", title: "C", createdAt: 1, groups: {} };
const followed = ["customers", "subscriptions"] as const;
const fail = (error: unknown) => expect.fail(String(error));

test("each change of a followed table reaches the handler in order, with the row before and after", async () => {
  const seen: TableChange[] = [];
  const following = followStreams(local, followed, async (event) => void seen.push(...tableChanges(event)), fail);
  const dynamo = dynamoSdk(local);
  await customersStore(dynamo).create(customer);
  await customersStore(dynamo).setGroup("c", "web", { mode: "auto" });
  await receiptsStore(dynamo).put({ machine: "m", sequence: 1, receipt: "", receivedAt: 1 });
  await subscriptionsStore(dynamo).put({ customer: "c", stream: "v/p/stable", seats: 1, endsAt: null, createdAt: 1 });
  await expect.poll(() => seen.length, { timeout: 5000 }).toBe(3);
  await following.stop();

  expect(new Set(seen.map(({ id }) => id)).size).toBe(3);
  expect(seen.every(({ at }) => Math.abs(at - Date.now()) < 600_000)).toBe(true);
  const stamp = { id: expect.any(String), at: expect.any(Number) };
  const row = { ...customer, kind: "customer" };
  const grouped = { ...row, groups: { web: { mode: "auto" } } };
  expect(seen.filter(({ table }) => table === "customers")).toEqual([
    { ...stamp, table: "customers", keys: { customer: "c" }, newImage: row },
    { ...stamp, table: "customers", keys: { customer: "c" }, newImage: grouped, oldImage: row },
  ]);
  expect(seen.find(({ table }) => table === "subscriptions")?.newImage).toMatchObject({ seats: 1, endsAt: null });
});

test("a batch whose handler fails comes again, and a new follower hears of everything again", async () => {
  await customersStore(dynamoSdk(local)).create(customer);
  const failures: unknown[] = [];
  let calls = 0;
  const first = followStreams(
    local,
    followed,
    async () => {
      calls += 1;
      if (calls < 3) throw new Error(`failure ${calls}`);
    },
    (error) => failures.push(error),
  );
  await expect.poll(() => calls, { timeout: 10_000 }).toBe(3);
  await first.stop();
  expect(failures.map(String)).toEqual(["Error: failure 1", "Error: failure 2"]);

  const seen: TableChange[] = [];
  const second = followStreams(local, followed, async (event) => void seen.push(...tableChanges(event)), fail);
  await expect.poll(() => seen.map(({ keys }) => keys), { timeout: 5000 }).toEqual([{ customer: "c" }]);
  await second.stop();
});
