import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import { agentApi } from "../../functions/agent-api/app.ts";
import { usualAgentLimits } from "../../functions/agent-api/limits.ts";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { PlanInputsCache } from "../../functions/plan-inputs.ts";
import { dynamoFetch } from "../../functions/stores/dynamo-fetch.ts";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores } from "../../infra/local/stores.ts";
import { type MachineKeys, machineIdOf, type StatementType, signStatement } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";

/** The moment at which a test begins; milliseconds since the epoch. */
export const start = Date.parse("2026-11-25T00:00:00Z");
export const facts: HostFacts = {
  hostname: "web-1",
  os: "linux",
  arch: "x86_64",
  kernel: "6.1",
  bootId: "b",
  agent: "1",
  builds: [],
  engines: [{ name: "elf", supported: true, reason: "" }],
};

/** agent-api over an embedded database, for machines of the customer `globex`, which are made and speak here as agents do. */
export async function startAgentApi() {
  const clock = { now: start };
  const dynamo = await startDynamo();
  const stores = openStores(dynamoFetch(dynamo));
  const planKey = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await stores.customers.create({
    customer: "globex",
    title: "Globex",
    createdAt: start,
    groups: { default: { mode: "auto" } },
  });
  const app = agentApi({
    ...stores,
    inputs: new PlanInputsCache(stores),
    limits: usualAgentLimits,
    readChanges: (options) => stores.changes.read(options),
    hints: new MetadataHints(() => Promise.resolve(undefined), Date.now),
    presign: (sha256) => Promise.resolve(`http://blobs/${sha256}`),
    ticketKeys: [createSecretKey(randomBytes(32))],
    planKey: () => Promise.resolve({ kid: "plan-1", privateKey: planKey.privateKey }),
    pollSeconds: 900,
    now: () => clock.now,
  });

  async function newKeys(): Promise<MachineKeys> {
    const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    return { publicKey: MachineKey.parse(await exportJWK(pair.publicKey)), privateKey: pair.privateKey };
  }

  async function newToken(more: { usesLeft?: number; expiresAt?: number } = {}): Promise<string> {
    const secret = randomBytes(32).toString("base64url");
    const hash = createHash("sha256").update(secret).digest("hex");
    const row = {
      hash,
      customer: "globex",
      group: "default",
      usesLeft: 1,
      expiresAt: start + 3_600_000,
      createdAt: start,
      ...more,
    };
    await stores.enrolments.create(row);
    return `suture-enrol.${secret}.${"0".repeat(64)}`;
  }

  async function send(path: string, type: StatementType, payload: unknown, keys: MachineKeys) {
    const body = await signStatement(type, payload, keys);
    return await post(path, body);
  }

  async function post(path: string, body: string | ReadableStream<Uint8Array>, contentType = "application/jose") {
    const init = { method: "POST", headers: { "content-type": contentType }, body, duplex: "half" as const };
    const response = await app.request(path, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async function enrolled(): Promise<MachineKeys> {
    const keys = await newKeys();
    const answer = await send(
      "/v1/agent/enrol",
      "suture-enrol",
      { token: await newToken(), iat: start / 1000, facts },
      keys,
    );
    if (answer.status !== 201) throw new Error(`A machine was not enrolled: ${JSON.stringify(answer.body)}`);
    return keys;
  }

  const checkInOf = (keys: MachineKeys, counter: number, more: object = {}) => ({
    machine: machineIdOf(keys.publicKey),
    counter,
    iat: clock.now / 1000,
    facts,
    patches: [],
    metadata: {},
    ...more,
  });

  return {
    app,
    stores,
    clock,
    planKey: planKey.publicKey,
    newKeys,
    newToken,
    send,
    post,
    enrolled,
    checkInOf,
    stop: () => dynamo.stop(),
  };
}
