import { jobs, runJob } from "../../functions/jobs/app.ts";
import type { PublishResult } from "../../functions/jobs/publish.ts";
import {
  admitVendor,
  announceOfflinePlanKeys,
  announcePlanKeys,
  foundService,
  type ServiceSigners,
  serviceRepository,
} from "../../functions/jobs/service-repository.ts";
import { streamWork } from "../../functions/jobs/stream-work.ts";
import { vendorSigners } from "../../functions/jobs/vendor-signers.ts";
import type { KeyWrapper } from "../../functions/signers/wrapped.ts";
import type { Blobs } from "../../functions/stores/blobs/blobs.ts";
import { collect } from "../../functions/stores/page.ts";
import { describeError } from "../../protocol/errors.ts";
import { startConsumers } from "./consumers.ts";
import type { LocalDynamo } from "./dynamodb.ts";
import type { PlanKeyRing } from "./plan-key-ring.ts";
import { LocalPublishQueue } from "./publish-queue.ts";
import type { Stores } from "./stores.ts";

/** How often what time alone makes due is looked at: expiries, plan keys and seats. */
const scheduleMillis = 3_600_000;
/** How often gates, sweeps and what was set aside have their turn. */
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
  const jobDeps = { ...stores, blobs, keysOf, recallsSigner: signers.recalls, now };
  const app = jobs(jobDeps);
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
  }

  await foundService(signers, own);
  await onSchedule();
  await queue.idle();
  const report = (what: string) => (error: unknown) => log(`${what}: ${describeError(error)}`);
  const schedule = setInterval(() => void onSchedule().catch(report("the hourly schedule failed")), scheduleMillis);
  const streams = startConsumers({ dynamo: deps.dynamo, work: streamWork(jobDeps), now, log });
  let gating: Promise<unknown> = Promise.resolve();
  const gates = setInterval(() => {
    gating = gating
      .then(() => streams.retry())
      .catch(report("what was set aside failed again"))
      .then(() => runJob(app, "/sweeps", {}))
      .catch(report("the sweeps failed"))
      .then(() => runJob(app, "/gates", {}))
      .catch(report("the rollouts' gates failed"));
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
