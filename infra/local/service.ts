import { createSecretKey, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Hono } from "hono";
import { agentApi } from "../../functions/agent-api/app.ts";
import { usualAgentLimits } from "../../functions/agent-api/limits.ts";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { metadataKey } from "../../functions/jobs/online-metadata.ts";
import { serviceRepository } from "../../functions/jobs/service-repository.ts";
import { PlanInputsCache } from "../../functions/plan-inputs.ts";
import { apiDocs } from "../../functions/portal/api-docs.tsx";
import { portal } from "../../functions/portal/app.tsx";
import { openProvider, type ProviderConfig } from "../../functions/portal/sign-in/provider.ts";
import { secretFile } from "../../functions/signers/file.ts";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import type { Blobs } from "../../functions/stores/blobs/blobs.ts";
import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { vendorApi } from "../../functions/vendor-api/app.ts";
import { type RateLimits, usualLimits } from "../../functions/vendor-api/rate-limit.ts";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { longestOfflinePlan } from "../../protocol/wire/offline.ts";
import type { LocalDynamo } from "./dynamodb.ts";
import { startJobs } from "./jobs.ts";
import { publicHalves, serviceSigners } from "./keys.ts";
import { PlanKeyRing } from "./plan-key-ring.ts";
import { serviceApp } from "./service-app.ts";
import { openStores, type Stores } from "./stores.ts";

/** How long a download's or an upload's signed URL works, in seconds. */
const urlSeconds = 600;

export type ServiceOptions = {
  dynamo: LocalDynamo;
  blobs: Blobs;
  /** serves the blobs' signed URLs, where no server of its own does */
  blobRoutes?: Hono;
  /** the service's keys and secrets are in here, made at the first start */
  keysDir: string;
  /** what machines are told to wait between polls */
  pollSeconds: number;
  /** where people sign in; without it they need tokens */
  identity?: ProviderConfig;
  /** where browsers find the portal, if not where its requests say */
  publicUrl?: string;
  /** where it is not the usual limits: a test that sends thousands of requests a minute */
  rateLimits?: RateLimits;
  /** milliseconds since the epoch */
  now: () => number;
  log: (line: string) => void;
};

export type RunningService = {
  fetch: ReturnType<typeof serviceApp>["fetch"];
  stores: Stores;
  /** ends the jobs; the database and the blobs are whose they were */
  stop(): Promise<void>;
};

/**
 * Runs the whole service in this process, over a database and a blob store: every API, the portal and the jobs.
 * @throws SutureError `state-damaged`, `unavailable`
 */
export async function runService(options: ServiceOptions): Promise<RunningService> {
  const { dynamo, blobs, keysDir, pollSeconds, identity, publicUrl, rateLimits = usualLimits, now, log } = options;
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  const [sessionKey, ticketKey, wrappingKey] = await Promise.all(
    ["sessions", "tickets", "wrapping"].map((name) => secretFile(join(keysDir, `${name}.secret`))),
  );
  if (!sessionKey || !ticketKey || !wrappingKey) throw new SutureError("state-damaged", "A secret is missing");
  const stores = openStores(dynamoSdk(dynamo));
  const keys = localKeyWrapper(wrappingKey);
  const planKeys = new PlanKeyRing(join(keysDir, "plan"));
  const offlinePlanKeys = new PlanKeyRing(join(keysDir, "offline-plan"), longestOfflinePlan);
  const signers = await serviceSigners(join(keysDir, "service"));
  const jobs = await startJobs({ dynamo, stores, blobs, signers, keys, planKeys, offlinePlanKeys, now, log });

  const readPublic = async (repository: string, name: string) => {
    const file = await blobs.get(metadataKey(repository, name));
    return file && Buffer.from(file.bytes).toString("utf8");
  };
  const serviceRoot = async () => {
    const text = await readPublic(serviceRepository, "1.root.json");
    if (text === undefined) throw new SutureError("unavailable", "The service's repository is not public yet");
    return digestOf(Buffer.from(text)).sha256;
  };

  // agent-api has its own transport: in production its bundle carries no SDK
  const agentStores = openStores(dynamoFetch(dynamo));
  const agents = agentApi({
    ...agentStores,
    inputs: new PlanInputsCache(agentStores),
    limits: usualAgentLimits,
    readChanges: (options) => agentStores.changes.read(options),
    hints: new MetadataHints(readPublic, now),
    presign: (sha256) => blobs.presignGet(`bundles/${sha256}`, { expiresInSeconds: urlSeconds }),
    ticketKeys: [createSecretKey(ticketKey)],
    planKey: () => planKeys.signing(Math.floor(now() / 1000)),
    pollSeconds,
    now,
  });
  const vendors = vendorApi({
    ...stores,
    blobs,
    keys,
    queue: jobs.queue,
    serviceKeys: () => Promise.resolve(publicHalves(signers)),
    rotatePlanKeys: () => jobs.rotatePlanKeys(),
    offlinePlanKey: () => offlinePlanKeys.signing(Math.floor(now() / 1000)),
    now: () => new Date(now()),
    random: randomBytes,
    serviceRoot,
    rateLimits,
  });
  const pages = portal({
    ...stores,
    service: vendors,
    blobs,
    queue: jobs.queue,
    random: randomBytes,
    ...(identity && { provider: openProvider(identity) }),
    ...(publicUrl !== undefined && { publicUrl }),
    now: () => new Date(now()),
    sessionKey,
  });
  const app = serviceApp({
    agents,
    vendors,
    pages,
    docs: apiDocs(),
    blobs: options.blobRoutes ?? new Hono(),
    publicFiles: blobs,
  });
  return { fetch: app.fetch, stores, stop: () => jobs.stop() };
}
