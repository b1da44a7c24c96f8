import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { secretFile } from "../../functions/signers/file.ts";
import { fsBlobs } from "../../functions/stores/blobs/fs.ts";
import { blobRoutes } from "../../functions/stores/blobs/fs-routes.ts";
import { type RateLimits, usualLimits } from "../../functions/vendor-api/rate-limit.ts";
import { startDynamo } from "./dynamodb.ts";
import { type LocalIdentity, type LocalPerson, startIdentity } from "./identity.ts";
import { listen } from "./listen.ts";
import { operatorToken } from "./operator-token.ts";
import { runService } from "./service.ts";
import type { Stores } from "./stores.ts";

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

/** Whom the embedded identity provider knows. */
const people: readonly LocalPerson[] = [
  { email: "ann@globex.test", groups: ["globex-owners"] },
  { email: "tom@globex.test", groups: ["globex-viewers"] },
  { email: "vera@acme.test", groups: ["acme-publishers"] },
  { email: "olga@suture.test", groups: ["suture-operators"] },
];

/** An embedded service that runs. */
export type Stack = {
  url: string;
  /** the operator's API token */
  token: string;
  stores: Stores;
  /** where people sign in: a click, and no password */
  identity: LocalIdentity;
  blobs: Awaited<ReturnType<typeof fsBlobs>>;
  stop(): Promise<void>;
};

/**
 * Starts the whole service in this process, on 127.0.0.1, with the embedded database and a folder of blobs.
 * @throws SutureError `port-in-use`, `no-permission`, `unavailable`
 */
export async function startStack({
  dataDir,
  port,
  pollSeconds,
  rateLimits = usualLimits,
  log,
}: StackOptions): Promise<Stack> {
  const keysDir = join(dataDir, "keys");
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  // The port first: it is what fails most, and two services on one folder would hurt each other
  const listener = await listen(port);
  const { url } = listener;
  const now = () => Date.now();
  const secret = await secretFile(join(keysDir, "urls.secret"));
  const dynamo = await startDynamo({ dataFile: join(dataDir, "suture.db") });
  const blobs = await fsBlobs({ directory: join(dataDir, "blobs"), baseUrl: `${url}/blobs`, secret, clock: now });
  const routes = blobRoutes(blobs, { secret, clock: now });
  const identity = await startIdentity({ portalUrl: url, people, port: port === 0 ? 0 : port + 1 });
  const service = await runService({
    identity,
    dynamo,
    blobs,
    blobRoutes: routes,
    keysDir,
    pollSeconds,
    rateLimits,
    now,
    log,
  });
  const { stores } = service;
  listener.serve(service.fetch);

  return {
    url,
    token: await operatorToken(join(dataDir, "operator.token"), stores.apiTokens, now()),
    stores,
    identity,
    blobs,
    async stop() {
      await listener.close();
      await identity.stop();
      await service.stop();
      await dynamo.stop();
    },
  };
}
