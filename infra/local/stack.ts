import { createSecretKey, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { agentApi } from "../../functions/agent-api/app.ts";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { PlanInputsCache } from "../../functions/agent-api/plan-inputs.ts";
import { metadataKey } from "../../functions/jobs/publish.ts";
import { serviceRepository } from "../../functions/jobs/service-repository.ts";
import { apiDocs } from "../../functions/portal/api-docs.tsx";
import { portal } from "../../functions/portal/app.tsx";
import { secretFile } from "../../functions/signers/file.ts";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import { fsBlobs } from "../../functions/stores/blobs/fs.ts";
import { blobRoutes } from "../../functions/stores/blobs/fs-routes.ts";
import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { vendorApi } from "../../functions/vendor-api/app.ts";
import { type RateLimits, usualLimits } from "../../functions/vendor-api/rate-limit.ts";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { startDynamo } from "./dynamodb.ts";
import { startJobs } from "./jobs.ts";
import { serviceSigners } from "./keys.ts";
import { listen } from "./listen.ts";
import { operatorToken } from "./operator-token.ts";
import { PlanKeyRing } from "./plan-key-ring.ts";
import { serviceApp } from "./service-app.ts";
import { openStores, type Stores } from "./stores.ts";

/** How long a download's or an upload's signed URL works, in seconds. */
const urlSeconds = 600;

export type StackOptions = {
  /** everything that survives a restart is in here */
  dataDir: string;
  port: number;
  /** what machines are told to wait between polls */
  pollSeconds: number;
  /** where it is not the usual limits: a test that sends thousands of requests a minute */
  rateLimits?: RateLimits;
  log: (line: string) => void;
};

/** An embedded service that runs. */
export type Stack = {
  url: string;
  /** the operator's API token */
  token: string;
  stores: Stores;
  blobs: Awaited<ReturnType<typeof fsBlobs>>;
  stop(): Promise<void>;
};

/**
 * Starts the whole service in this process, on 127.0.0.1: the embedded database, every API, the portal and the jobs.
 * @throws SutureError `port-in-use`, `no-permission`, `unavailable`
 */
export async function startStack({
  dataDir,
  port,
  pollSeconds,
  rateLimits = usualLimits,
  log,
}: StackOptions): Promise<Stack> {
  await mkdir(join(dataDir, "keys"), { recursive: true, mode: 0o700 });
  // The port first: it is what fails most, and two services on one folder would hurt each other
  const listener = await listen(port);
  const { url } = listener;
  const now = () => Date.now();
  const secretOf = (name: string) => secretFile(join(dataDir, "keys", `${name}.secret`));
  const [urlSecret, sessionKey, ticketKey, wrappingKey] = await Promise.all(
    ["urls", "sessions", "tickets", "wrapping"].map(secretOf),
  );
  if (!urlSecret || !sessionKey || !ticketKey || !wrappingKey)
    throw new SutureError("state-damaged", "A secret is missing");

  const dynamo = await startDynamo({ dataFile: join(dataDir, "suture.db") });
  const stores = openStores(dynamoSdk(dynamo));
  const blobs = await fsBlobs({
    directory: join(dataDir, "blobs"),
    baseUrl: `${url}/blobs`,
    secret: urlSecret,
    clock: now,
  });
  const keys = localKeyWrapper(wrappingKey);
  const planKeys = new PlanKeyRing(join(dataDir, "keys", "plan"));
  const signers = await serviceSigners(join(dataDir, "keys", "service"));
  const jobs = await startJobs({ dynamo, stores, blobs, signers, keys, planKeys, now, log });

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
    readChanges: (options) => agentStores.changes.read(options),
    hints: new MetadataHints(readPublic),
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
    now: () => new Date(now()),
    random: randomBytes,
    serviceRoot,
    rateLimits,
  });
  const pages = portal({ ...stores, now: () => new Date(now()), sessionKey });
  const app = serviceApp({
    agents,
    vendors,
    pages,
    docs: apiDocs(),
    blobs: blobRoutes(blobs, { secret: urlSecret, clock: now }),
    publicFiles: blobs,
  });
  listener.serve(app.fetch);

  return {
    url,
    token: await operatorToken(join(dataDir, "operator.token"), stores.apiTokens, now()),
    stores,
    blobs,
    async stop() {
      await listener.close();
      await jobs.stop();
      await dynamo.stop();
    },
  };
}
