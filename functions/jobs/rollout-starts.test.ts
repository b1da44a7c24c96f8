import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { patch as plannedPatch, stream } from "../../test/support/plan.ts";
import { abort, noCounts } from "../domain/rollout.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { startRollouts } from "./rollout-starts.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stores: Stores;
beforeAll(async () => {
  dynamo = await startDynamo();
  stores = openStores(dynamoSdk(dynamo));
  for (const customer of ["globex", "other"]) {
    const of = customer === "globex" ? stream : "acme/echod/edge";
    await stores.subscriptions.put({ customer, stream: of, seats: 9, endsAt: null, createdAt: start });
  }
});
afterAll(() => dynamo.stop());

const rollout = (patch: string, customer = "globex") => stores.rollouts.get(customer, patch);
const put = async (patch: string, state: "live" | "superseded") => {
  const { manifest, manifestSha256 } = plannedPatch(patch);
  await stores.patches.put({ id: patch, manifest, manifestSha256, manifestLength: 1, state, liveAt: start });
};
/** The stream says that the patch came to this; twice, as it may. */
async function hear(patch: string, state: string): Promise<void> {
  const keys = { stream, patch: patch.slice(stream.length + 1) };
  const change = { id: "1", at: start, table: "patches" as const, keys, newImage: { state } };
  for (let times = 0; times < 2; times++) await startRollouts([change], { ...stores, now: start });
}

it("a patch that goes live begins a rollout for each customer of its channel, once", async () => {
  const patch = `${stream}/new@1`;
  await put(patch, "live");
  // The index by vendor follows a little later
  await expect
    .poll(async () => {
      await hear(patch, "live");
      return await rollout(patch);
    })
    .toMatchObject({ state: "running", wave: 0, revision: 1 });
  expect(await rollout(patch, "other")).toBeUndefined();
});

it("a rollout ends with its patch and begins anew with it, and one that a person ended stays so", async () => {
  const [ended, aborted] = [`${stream}/ended@1`, `${stream}/aborted@1`];
  for (const patch of [ended, aborted]) {
    await put(patch, "live");
    await hear(patch, "live");
  }
  const running = await rollout(aborted);
  if (running === undefined) throw new Error("it was begun");
  await stores.rollouts.update(abort(running, false, { by: "ann", at: start, counts: noCounts }));
  for (const patch of [ended, aborted]) {
    await put(patch, "superseded");
    await hear(patch, "superseded");
    // Late, and true no more
    await hear(patch, "live");
  }
  expect(await rollout(ended)).toMatchObject({ state: "aborted", undo: false, revision: 2 });
  expect((await rollout(ended))?.history.at(-1)).toMatchObject({
    by: "gates",
    detail: expect.stringMatching(/no more/),
  });
  for (const patch of [ended, aborted]) {
    await put(patch, "live");
    await hear(patch, "live");
  }
  expect(await rollout(ended)).toMatchObject({ state: "running", wave: 0, phase: 1, revision: 3 });
  expect(await rollout(aborted)).toMatchObject({ state: "aborted", revision: 2 });
});
