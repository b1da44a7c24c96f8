import { afterAll, beforeAll, expect, test } from "vitest";
import { startDynamo } from "../infra/local/dynamodb.ts";
import { openStores } from "../infra/local/stores.ts";
import { scopeOf } from "./domain/ticket.ts";
import { PlanInputsCache } from "./plan-inputs.ts";
import type { Dynamo } from "./stores/dynamo.ts";
import { dynamoFetch } from "./stores/dynamo-fetch.ts";

let local: Awaited<ReturnType<typeof startDynamo>>;
beforeAll(async () => {
  local = await startDynamo();
});
afterAll(() => local.stop());

/** A database whose reads that need not be consistent answer what was there when it was opened, as a replica that lags does. */
function lagging(dynamo: Dynamo, then: ReadonlyMap<string, unknown>): Dynamo {
  return {
    send(operation, input) {
      const { TableName = "", ConsistentRead = false } = input as { TableName?: string; ConsistentRead?: boolean };
      const stale = operation === "GetItem" && !ConsistentRead ? then.get(TableName) : undefined;
      return stale === undefined ? dynamo.send(operation, input) : Promise.resolve(stale as never);
    },
  };
}

test("a group that reports only does so from the epoch of its change on, whatever a replica still says", async () => {
  const dynamo = dynamoFetch(local);
  const stores = openStores(dynamo);
  await stores.customers.create({
    customer: "globex",
    title: "Globex",
    createdAt: 1,
    groups: { web: { mode: "auto" } },
  });
  const key = { TableName: "suture-customers", Key: { customer: { S: "globex" } } };
  const replica = new Map([["suture-customers", await dynamo.send("GetItem", key)]]);
  await stores.customers.setGroup("globex", "web", { mode: "report" });
  const record = { epoch: 7, floor: 0, scopes: { [scopeOf.tenant("globex")]: { epoch: 7, at: 1 } } };

  const inputs = new PlanInputsCache(openStores(lagging(dynamo, replica)));
  expect((await inputs.account("globex", record)).groups).toEqual({ web: { mode: "report" } });
  expect((await inputs.decided("globex")).groups).toEqual({ web: { mode: "report" } });
});
