import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { serviceSigners } from "../../infra/local/keys.ts";
import { openStores } from "../../infra/local/stores.ts";
import { filesOf, readMetadata } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { PlanKeys, planKeysPath } from "../../protocol/wire/plan.ts";
import { fsBlobs } from "../stores/blobs/fs.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { runSchedule, type ScheduleDeps } from "./schedule.ts";
import { foundService, serviceRepository } from "./service-repository.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let folder: string;
let deps: ScheduleDeps;
let secret = "[]";
let offlineSecret = "[]";
beforeAll(async () => {
  dynamo = await startDynamo();
  folder = await mkdtemp(join(tmpdir(), "suture-schedule-"));
  const stores = openStores(dynamoSdk(dynamo));
  const clock = () => start;
  const blobs = await fsBlobs({ directory: folder, baseUrl: "http://blobs", secret: new Uint8Array(32), clock });
  const signers = await serviceSigners(join(folder, "keys"));
  deps = {
    ...stores,
    blobs,
    queue: { send: () => Promise.resolve() },
    planKeysSigner: signers.planKeys,
    planKeys: {
      read: async () => secret,
      write: async (text) => {
        secret = text;
      },
    },
    offlinePlanKeys: {
      read: async () => offlineSecret,
      write: async (text) => {
        offlineSecret = text;
      },
    },
    now: () => start,
  };
  await foundService(signers, deps);
});
afterAll(async () => {
  await dynamo.stop();
  await rm(folder, { recursive: true });
});

async function announced(): Promise<PlanKeys["keys"]> {
  const role = await deps.roles.get(serviceRepository, "plan-keys");
  const digest = filesOf(readMetadata("targets", role?.body ?? "").signed).get(planKeysPath);
  const file = await deps.blobs.get(`tuf/${serviceRepository}/${targetFileName(planKeysPath, digest?.sha256 ?? "")}`);
  return PlanKeys.parse(JSON.parse(Buffer.from(file?.bytes ?? []).toString("utf8"))).keys;
}

it("an operator's wish puts a new plan key in the place of a stolen one at once, and the schedule alone does not", async () => {
  await runSchedule(deps);
  const [stolen, ...others] = await announced();
  expect(others).toEqual([]);
  await runSchedule({ ...deps, now: () => start + 60_000 });
  expect(await announced()).toEqual([stolen]);
  await runSchedule({ ...deps, now: () => start + 120_000 }, { replacePlanKeys: true });
  const after = await announced();
  expect(after).toHaveLength(1);
  expect(after[0]?.x).not.toBe(stolen?.x);
  expect(after[0]?.nbf).toBe(start / 1000 + 120);
  expect(secret).not.toContain(stolen?.x);
});
