import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { join } from "node:path";
import { agentApi } from "../../functions/agent-api/app.ts";
import { usualAgentLimits } from "../../functions/agent-api/limits.ts";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { jobs, runJob } from "../../functions/jobs/app.ts";
import { metadataKey } from "../../functions/jobs/online-metadata.ts";
import {
  admitVendor,
  announcePlanKeys,
  foundService,
  serviceRepository,
} from "../../functions/jobs/service-repository.ts";
import { vendorSigners } from "../../functions/jobs/vendor-signers.ts";
import { PlanInputsCache } from "../../functions/plan-inputs.ts";
import { apiDocs } from "../../functions/portal/api-docs.tsx";
import { portal } from "../../functions/portal/app.tsx";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import { fsBlobs } from "../../functions/stores/blobs/fs.ts";
import { blobRoutes } from "../../functions/stores/blobs/fs-routes.ts";
import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import type { StreamEvent } from "../../functions/stores/streams.ts";
import { vendorApi } from "../../functions/vendor-api/app.ts";
import { usualLimits } from "../../functions/vendor-api/rate-limit.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { publicHalves, serviceSigners } from "../../infra/local/keys.ts";
import { operatorToken } from "../../infra/local/operator-token.ts";
import { PlanKeyRing } from "../../infra/local/plan-key-ring.ts";
import { serviceApp } from "../../infra/local/service-app.ts";
import { openStores } from "../../infra/local/stores.ts";
import { openStreams } from "../../infra/local/streams.ts";
import { digestOf } from "../../protocol/trust/edit.ts";

export const server = "http://127.0.0.1:1";
const pollSeconds = 900;
export type SimService = Awaited<ReturnType<typeof startSimService>>;

/** What a restart leaves: the data directory and the keys. */
type Options = {
  dataDir: string;
  /** milliseconds since the epoch */
  now: () => number;
  secret: Uint8Array;
  /** whether batches of the streams come in another order, and some twice */
  disorder: (() => number) | undefined;
};

/** The service's own apps and jobs over the embedded database, on a clock of the simulation's, behind no port. */
export async function startSimService({ dataDir, now, secret, disorder }: Options) {
  const dynamo = await startDynamo({ dataFile: join(dataDir, "suture.db") });
  const stores = openStores(dynamoSdk(dynamo));
  const agentStores = openStores(dynamoFetch(dynamo));
  const blobs = await fsBlobs({ directory: join(dataDir, "blobs"), baseUrl: `${server}/blobs`, secret, clock: now });
  const signers = await serviceSigners(join(dataDir, "keys"));
  const planKeys = new PlanKeyRing(join(dataDir, "plan"));
  const keys = localKeyWrapper(secret);
  const seconds = () => Math.floor(now() / 1000);
  const own = { roles: stores.roles, blobs, now };

  const app = jobs({
    ...stores,
    blobs,
    now,
    recallsSigner: signers.recalls,
    async keysOf(repository, root) {
      if (repository === serviceRepository) return { snapshot: signers.snapshot, timestamp: signers.timestamp };
      return await vendorSigners(repository, root, { ...stores, keys });
    },
  });
  const publish = async (repository: string) => {
    await runJob(app, "/publish", { repository });
    const root = repository === serviceRepository ? undefined : await stores.roles.root(repository, 1);
    if (root !== undefined && (await admitVendor(repository, root.body, signers, own)))
      await publish(serviceRepository);
  };
  await foundService(signers, own);
  await planKeys.renew(seconds());
  await announcePlanKeys(planKeys.published(seconds()), signers, own);
  await publish(serviceRepository);

  const readPublic = async (repository: string, name: string) => {
    const file = await blobs.get(metadataKey(repository, name));
    return file && Buffer.from(file.bytes).toString("utf8");
  };
  const serviceRoot = async () =>
    digestOf(Buffer.from((await readPublic(serviceRepository, "1.root.json")) ?? "")).sha256;
  const agents = agentApi({
    ...agentStores,
    inputs: new PlanInputsCache(agentStores),
    // The whole fleet is one tenant's, and this one instance stands for as many as it takes
    limits: { ...usualAgentLimits, tenant: { perSecond: 1e6, burst: 1e6 } },
    readChanges: (options) => agentStores.changes.read(options),
    hints: new MetadataHints(readPublic, now),
    presign: (sha256) => blobs.presignGet(`bundles/${sha256}`, { expiresInSeconds: 600 }),
    ticketKeys: [createSecretKey(secret)],
    planKey: () => planKeys.signing(seconds()),
    pollSeconds,
    now,
  });
  const vendors = vendorApi({
    ...stores,
    blobs,
    keys,
    queue: { send: ({ repository }) => publish(repository) },
    serviceKeys: () => Promise.resolve(publicHalves(signers)),
    rotatePlanKeys: () => planKeys.replace(seconds()),
    offlinePlanKey: () => Promise.reject(new Error("no offline plans here")),
    now: () => new Date(now()),
    random: randomBytes,
    serviceRoot,
    rateLimits: usualLimits,
  });
  const whole = serviceApp({
    agents,
    vendors,
    pages: portal({
      ...stores,
      random: randomBytes,
      service: vendors,
      blobs,
      queue: { waiting: () => Promise.resolve(0) },
      now: () => new Date(now()),
      sessionKey: secret,
    }),
    docs: apiDocs(),
    blobs: blobRoutes(blobs, { secret, clock: now }),
    publicFiles: blobs,
  });
  const streams = openStreams(dynamo);

  /** Does what the platform does with the tables' streams, until they say nothing new. */
  async function followStreams(): Promise<void> {
    for (;;) {
      const events = await streams.read();
      if (events.length === 0) return;
      for (const event of disordered(events, disorder)) {
        await runJob(app, "/rollouts", event);
        await runJob(app, "/outcomes", event);
        await runJob(app, "/judgements", event);
      }
      for (const event of disordered(events, disorder)) await runJob(app, "/audit", event);
      await runJob(app, "/epochs", { Records: events.flatMap(({ Records }) => Records) });
    }
  }

  return {
    fetch: async (request: Request) => await whole.fetch(request),
    stores,
    blobs,
    followStreams,
    async runGates() {
      await runJob(app, "/sweeps", {});
      await runJob(app, "/gates", {});
    },
    operator: await operatorToken(join(dataDir, "operator.token"), stores.apiTokens, now()),
    /** An enrolment token that lets this many hosts in. */
    async enrolmentToken(customer: string, uses: number): Promise<string> {
      const random = randomBytes(32).toString("base64url");
      const hash = createHash("sha256").update(random).digest("hex");
      const times = { createdAt: now(), expiresAt: now() + 30 * 86_400_000 };
      await stores.enrolments.create({ hash, customer, group: "default", usesLeft: uses, ...times });
      return `suture-enrol.${random}.${await serviceRoot()}`;
    },
    async stop() {
      streams.close();
      await dynamo.stop();
    },
  };
}

function disordered(events: readonly StreamEvent[], random: (() => number) | undefined): StreamEvent[] {
  if (random === undefined) return [...events];
  const twice = events.flatMap((event) => (random() < 0.3 ? [event, event] : [event]));
  return twice.map((event) => ({ Records: shuffled(event.Records, random) }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
