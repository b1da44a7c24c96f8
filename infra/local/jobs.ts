import { jobs, runJob } from "../../functions/jobs/app.ts";
import { scopesOf } from "../../functions/jobs/epochs.ts";
import { epochsTables, fleetTables } from "../../functions/jobs/followed.ts";
import type { PublishResult } from "../../functions/jobs/publish.ts";
import {
  admitVendor,
  announceOfflinePlanKeys,
  announcePlanKeys,
  foundService,
  type ServiceSigners,
  serviceRepository,
} from "../../functions/jobs/service-repository.ts";
import { vendorSigners } from "../../functions/jobs/vendor-signers.ts";
import type { KeyWrapper } from "../../functions/signers/wrapped.ts";
import type { Blobs } from "../../functions/stores/blobs/blobs.ts";
import { collect } from "../../functions/stores/page.ts";
import { type StreamEvent, tableChanges } from "../../functions/stores/streams.ts";
import type { tables } from "../../functions/stores/tables.ts";
import { describeError } from "../../protocol/errors.ts";
import type { LocalDynamo } from "./dynamodb.ts";
import { gatherEvents } from "./epochs.ts";
import type { PlanKeyRing } from "./plan-key-ring.ts";
import { LocalPublishQueue } from "./publish-queue.ts";
import type { Stores } from "./stores.ts";
import { followStreams } from "./streams.ts";

/** How often what time alone makes due is looked at: expiries, plan keys and seats. */
const scheduleMillis = 3_600_000;
const gatesMillis = 15_000;

type Deps = {
  dynamo: LocalDynamo;
  stores: Stores;
  blobs: Blobs;
  signers: ServiceSigners;
  keys: KeyWrapper;
  planKeys: PlanKeyRing;
  offlinePlanKeys: PlanKeyRing;
  /** milliseconds since the epoch */
  now: () => number;
  log: (line: string) => void;
};

/**
 * Runs the service's jobs in this process: publishing, the epochs of changes, and the hourly schedule. Returns when the service's
 * own repository is public.
 */
export async function startJobs(
  deps: Deps,
): Promise<{ queue: LocalPublishQueue; rotatePlanKeys(): Promise<void>; stop(): Promise<void> }> {
  const { stores, blobs, signers, now, log } = deps;
  const own = { roles: stores.roles, blobs, now };

  async function keysOf(repository: string, root: string) {
    if (repository === serviceRepository) return { snapshot: signers.snapshot, timestamp: signers.timestamp };
    return await vendorSigners(repository, root, { ...stores, keys: deps.keys });
  }
  const app = jobs({ ...stores, blobs, keysOf, recallsSigner: signers.recalls, now });
  const run = (repository: string) => runJob<PublishResult>(app, "/publish", { repository });

  const queue = new LocalPublishQueue(async ({ repository }) => {
    const result = await run(repository);
    // An embedded service holds the operator's keys too, so it admits a vendor by itself once there is a first root
    const root = repository === serviceRepository ? undefined : await stores.roles.root(repository, 1);
    if (root !== undefined && (await admitVendor(repository, root.body, signers, own))) await run(serviceRepository);
    if (result?.published) log(`published ${repository}`);
  }, log);

  async function onSchedule(): Promise<void> {
    await deps.planKeys.renew(Math.floor(now() / 1000));
    await announcePlanKeys(deps.planKeys.published(Math.floor(now() / 1000)), signers, own);
    await deps.offlinePlanKeys.renew(Math.floor(now() / 1000));
    await announceOfflinePlanKeys(deps.offlinePlanKeys.published(Math.floor(now() / 1000)), signers, own);
    const vendors = await collect((page) => stores.vendors.list(page));
    for (const repository of [serviceRepository, ...vendors.map(({ vendor }) => vendor)])
      await queue.send({ repository });
    await runJob(app, "/expiries", {});
    await runJob(app, "/seats", {});
    await runJob(app, "/support", {});
    await runJob(app, "/silence", {});
  }

  await foundService(signers, own);
  await onSchedule();
  await queue.idle();
  const report = (what: string) => (error: unknown) => log(`${what}: ${describeError(error)}`);
  const schedule = setInterval(() => void onSchedule().catch(report("the hourly schedule failed")), scheduleMillis);
  const gather = gatherEvents((event) => runJob(app, "/epochs", event), now);
  /** What the epochs job and the fleet job do on AWS, behind the same tables. */
  const onChanges = async (event: StreamEvent, table: keyof typeof tables) => {
    if (fleetTables.some((name) => name === table)) await runJob(app, "/fleet", event);
    if (!epochsTables.includes(table)) return;
    // Rollouts before epochs: a machine that hears of a patch finds its rollout begun
    await runJob(app, "/rollouts", event);
    await runJob(app, "/aggregates", event);
    // One write a second is for changes that have a scope: what is only logged must not put a patch off
    if (scopesOf(tableChanges(event)).length > 0) await gather(event);
    await runJob(app, "/audit", event);
  };
  const streams = followStreams(deps.dynamo, onChanges, report("following the tables' streams failed"));
  let gating: Promise<unknown> = Promise.resolve();
  const gates = setInterval(() => {
    gating = gating.then(() => runJob(app, "/gates", {})).catch(report("the rollouts' gates failed"));
  }, gatesMillis);
  return {
    queue,
    async rotatePlanKeys() {
      await deps.planKeys.replace(Math.floor(now() / 1000));
      await deps.offlinePlanKeys.replace(Math.floor(now() / 1000));
      await onSchedule();
    },
    async stop() {
      clearInterval(schedule);
      clearInterval(gates);
      await gating;
      await streams.stop();
      await queue.stop();
    },
  };
}
