import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { generateKeyPair } from "jose";
import { publishRepository } from "../../functions/jobs/recalls.ts";
import { admitVendor, foundService, serviceRepository } from "../../functions/jobs/service-repository.ts";
import { vendorSigners } from "../../functions/jobs/vendor-signers.ts";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import { fsBlobs } from "../../functions/stores/blobs/fs.ts";
import { blobRoutes } from "../../functions/stores/blobs/fs-routes.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { vendorApi } from "../../functions/vendor-api/app.ts";
import { usualLimits } from "../../functions/vendor-api/rate-limit.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { publicHalves, serviceSigners } from "../../infra/local/keys.ts";
import { listen } from "../../infra/local/listen.ts";
import { openStores } from "../../infra/local/stores.ts";
import type { Principal } from "../../protocol/wire/account.ts";

export type VendorService = Awaited<ReturnType<typeof startVendorService>>;

/** vendor-api on a real port, over the embedded database and a directory of blobs; what is accepted is published at once. */
export async function startVendorService({ rateLimits = usualLimits, founded = true } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "suture-service-"));
  const [dynamo, listener] = await Promise.all([startDynamo(), listen(0)]);
  const secret = randomBytes(32);
  const stores = openStores(dynamoSdk(dynamo));
  const blobs = await fsBlobs({ directory, baseUrl: `${listener.url}/blobs`, secret, clock: Date.now });
  const keys = localKeyWrapper(randomBytes(32));
  const requests: { method: string; path: string; text: string; status?: number }[] = [];

  const offlineKeys = join(directory, "keys");
  const signers = await serviceSigners(offlineKeys);
  if (founded) await foundService(signers, { roles: stores.roles, blobs, now: Date.now });

  async function keysOf(repository: string, root: string) {
    if (repository === serviceRepository) return signers;
    return await vendorSigners(repository, root, { ...stores, keys });
  }
  async function publishAndAdmit(repository: string): Promise<void> {
    const own = { ...stores, blobs, keysOf, recallsSigner: signers.recalls, now: Date.now };
    await publishRepository(repository, own);
    const root = repository === serviceRepository ? undefined : await stores.roles.root(repository, 1);
    // Where people found the service they admit its vendors too
    if (founded && root !== undefined && (await admitVendor(repository, root.body, signers, own)))
      await publishRepository(serviceRepository, own);
  }
  let publishing: Promise<unknown> = Promise.resolve();
  const queue = {
    send: ({ repository }: { repository: string }) => {
      publishing = publishing.then(() => publishAndAdmit(repository));
      return publishing.then(() => undefined);
    },
  };
  const own = { serviceKeys: () => Promise.resolve(publicHalves(signers)), rotatePlanKeys: () => Promise.resolve() };
  const offline = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const offlinePlanKey = () => Promise.resolve({ kid: "offline-1", privateKey: offline.privateKey });
  const deps = {
    ...stores,
    ...own,
    offlinePlanKey,
    blobs,
    keys,
    queue,
    now: () => new Date(),
    random: randomBytes,
    rateLimits,
  };
  const api = vendorApi({ ...deps, serviceRoot: () => Promise.resolve("5e".repeat(32)) });
  const app = new Hono();
  // Everything that reaches the service, headers and all, for those who ask what was sent
  app.use(async (c, next) => {
    const headers = JSON.stringify(Object.fromEntries(c.req.raw.headers));
    // One that announces more than any route takes must not be read
    const body = Number(c.req.header("content-length") ?? 0) < 100_000_000 ? await c.req.raw.clone().text() : "";
    const request: (typeof requests)[number] = {
      method: c.req.method,
      path: c.req.path,
      text: `${c.req.url}\n${headers}\n${body}`,
    };
    requests.push(request);
    await next();
    request.status = c.res.status;
  });
  app.route("/", api);
  app.get("/tuf/:path{.+}", async (c) => {
    const file = await blobs.get(`tuf/${c.req.param("path")}`);
    return file === undefined ? c.notFound() : c.body(Buffer.from(file.bytes));
  });
  app.route("/blobs", blobRoutes(blobs, { secret, clock: Date.now }));
  listener.serve(app.fetch);

  async function tokenOf(principal: Principal): Promise<string> {
    const token = `suture-api.${randomBytes(32).toString("base64url")}`;
    const hash = createHash("sha256").update(token).digest("hex");
    const times = { createdAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
    await stores.apiTokens.create({ hash, principal, label: `test ${principal.kind}`, ...times });
    return token;
  }
  return {
    api,
    /** where the blobs are, by their keys */
    directory,
    /** the folder with the keys of the service's own repository */
    offlineKeys,
    url: listener.url,
    stores,
    blobs,
    requests,
    tokenOf,
    operator: await tokenOf({ kind: "operator", tenant: "service", role: "operator" }),
    async stop() {
      await listener.close();
      await publishing.catch(() => undefined);
      await dynamo.stop();
      await rm(directory, { recursive: true });
    },
  };
}
