import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { indexFleet } from "../../functions/jobs/fleet.ts";
import { PlanInputsCache } from "../../functions/plan-inputs.ts";
import { portal } from "../../functions/portal/app.tsx";
import type { PageLimits } from "../../functions/portal/page-gate.ts";
import type { Provider } from "../../functions/portal/sign-in/provider.ts";
import { localKeyWrapper } from "../../functions/signers/local-wrapper.ts";
import { fsBlobs } from "../../functions/stores/blobs/fs.ts";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { vendorApi } from "../../functions/vendor-api/app.ts";
import { usualLimits } from "../../functions/vendor-api/rate-limit.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores } from "../../infra/local/stores.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, machineIdOf } from "../../protocol/trust/request.ts";
import type { Principal } from "../../protocol/wire/account.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import type { Receipt } from "../../protocol/wire/report.ts";

/** The build that every seeded patch is for, and that a seeded machine runs unless told otherwise. */
export const build = "5f".repeat(20);

const digest = () => randomBytes(32).toString("hex");

type Options = {
  /** where browsers find it, if not where its requests say */
  publicUrl?: string;
  now: () => Date;
  provider?: Provider;
  /** where the database is; in memory where it is left out */
  dataFile?: string;
  /** where they are not the usual ones */
  pageLimits?: PageLimits;
};

/** A portal over an embedded database, and what a test fills it with: through the stores, as the service itself would. */
export async function startPortal({ now, provider, dataFile, publicUrl, pageLimits }: Options) {
  const dynamo = await startDynamo({ ...(dataFile !== undefined && { dataFile }) });
  const stores = openStores(dynamoSdk(dynamo));
  const directory = await mkdtemp(join(tmpdir(), "suture-portal-"));
  const secret = randomBytes(32);
  const millis = () => now().getTime();
  const blobs = await fsBlobs({ directory, baseUrl: "http://portal.test/blobs", secret, clock: millis });
  const service = vendorApi({
    ...stores,
    blobs,
    keys: localKeyWrapper(secret),
    queue: { send: () => Promise.resolve() },
    serviceKeys: () => Promise.reject(new Error("no ceremony here")),
    rotatePlanKeys: () => Promise.reject(new Error("no plan keys here")),
    offlinePlanKey: () => Promise.reject(new Error("no offline plans here")),
    now,
    random: randomBytes,
    serviceRoot: () => Promise.resolve("5e".repeat(32)),
    rateLimits: usualLimits,
  });
  const app = portal({
    ...stores,
    random: randomBytes,
    ...(provider && { provider }),
    ...(publicUrl !== undefined && { publicUrl }),
    ...(pageLimits && { pageLimits }),
    service,
    blobs,
    queue: { waiting: () => Promise.resolve(0) },
    now,
    sessionKey: secret,
  });

  /** A customer subscribed to `streams`, and the token that signs it in. */
  async function customer(name: string, streams: readonly string[]): Promise<string> {
    await stores.customers.create({ customer: name, title: name, createdAt: millis(), groups: {} });
    for (const stream of streams) {
      await stores.subscriptions.put({ customer: name, stream, seats: 100, endsAt: null, createdAt: millis() });
    }
    return token({ kind: "customer", tenant: name, role: "viewer" });
  }

  async function token(principal: Principal): Promise<string> {
    const secret = `suture-api.${randomBytes(32).toString("base64url")}`;
    const hash = createHash("sha256").update(secret).digest("hex");
    await stores.apiTokens.create({
      hash,
      principal,
      label: "test",
      createdAt: millis(),
      expiresAt: millis() + 86_400_000,
    });
    return secret;
  }

  /** An enrolled machine that runs the seeded build; `report` keeps a receipt that it signed. */
  async function machine(
    owner: string,
    {
      group = "web",
      enrolledAt = millis(),
      ...said
    }: Partial<HostFacts> & { group?: string; enrolledAt?: number } = {},
  ) {
    const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const { kty, crv, x } = await exportJWK(publicKey);
    const keys: MachineKeys = { publicKey: MachineKey.parse({ kty, crv, x }), privateKey };
    const id = machineIdOf(keys.publicKey);
    const facts: HostFacts = {
      hostname: "web-1",
      os: "linux",
      arch: "x86_64",
      kernel: "6.12.48+deb13-amd64",
      bootId: "b0",
      agent: "0.1.0",
      builds: [{ buildId: build, path: "/usr/sbin/echod", processes: 1 }],
      engines: [{ name: "elf", supported: true, reason: "" }],
      ...said,
    };
    await stores.machines.enrol({
      machine: id,
      customer: owner,
      group,
      publicKey: keys.publicKey,
      enrolledAt,
      facts,
    });
    const at = millis();
    if (enrolledAt < at) {
      await stores.machines.checkIn(id, { counter: 1, bodyHash: "", at, facts, patches: [] });
    }
    await index(id);
    let sequence = 0;

    async function report(patch: string, code: Receipt["code"], more: Partial<Receipt> = {}): Promise<void> {
      sequence += 1;
      const at = Math.floor(millis() / 1000);
      const receipt: Receipt = {
        machine: id,
        sequence,
        patch,
        manifest: digest(),
        action: "apply",
        code,
        detail: "",
        evidence: {},
        planSeq: 1,
        at,
        ...more,
      };
      const text = await signReceipt(receipt, keys);
      const { action, detail } = receipt;
      const receivedAt = receipt.at * 1000;
      await stores.receipts.put({ machine: id, sequence, receipt: text, receivedAt });
      await stores.states.record({
        machine: id,
        patchId: patch,
        customer: owner,
        state: code,
        action,
        detail,
        at: receivedAt,
        receipt: sequence,
      });
      await index(id);
    }
    return { id, report, index: () => index(id) };
  }

  /** What the fleet job works with, and nothing kept from an earlier run. */
  const fleetJob = () => ({ ...stores, inputs: new PlanInputsCache(stores), now: millis });
  /** What that job does as soon as a machine's rows have changed. */
  const index = (id: string) => indexFleet([id], fleetJob());

  /** A patch for the seeded build, live since `liveAt` (milliseconds since the epoch; now where it is left out). */
  async function patch(id: string, more: Partial<Manifest> = {}, liveAt = millis()): Promise<void> {
    const { product, channel, patch: name, version } = parsePatchId(id);
    const manifest = Manifest.parse({
      manifest: 1,
      product,
      channel,
      patch: name,
      version,
      title: `Fix ${name}`,
      severity: "high",
      variants: [
        {
          engine: "elf",
          functions: [{ name: "answer", replacement: "answer_fixed" }],
          match: { buildId: build, arch: "x86_64" },
          bundle: { sha256: digest(), size: 2048, encoding: "zstd", payload: { sha256: digest(), size: 16_904 } },
        },
      ],
      ...more,
    });
    await stores.patches.put({
      id,
      manifest,
      manifestSha256: digest(),
      manifestLength: 1000,
      state: "live",
      liveAt,
    });
  }

  async function stop(): Promise<void> {
    await dynamo.stop();
    await rm(directory, { recursive: true, force: true });
  }
  return { app, service, blobs, stores, fleetJob, customer, token, machine, patch, stop };
}

export type TestPortal = Awaited<ReturnType<typeof startPortal>>;
