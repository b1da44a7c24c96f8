import { createHash, createSecretKey, randomBytes } from "node:crypto";
import { decodeJwt, exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { verifyPlan } from "../../protocol/trust/plan.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, machineIdOf, type StatementType, signStatement } from "../../protocol/trust/request.ts";
import { CheckInAnswer, ticketHeader } from "../../protocol/wire/check-in.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { dynamoFetch } from "../stores/dynamo-fetch.ts";
import { agentApi } from "./app.ts";
import { usualAgentLimits } from "./limits.ts";
import { MetadataHints } from "./metadata-hints.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
const facts: HostFacts = {
  hostname: "web-1",
  os: "linux",
  arch: "x86_64",
  kernel: "6.1",
  bootId: "b",
  agent: "1",
  builds: [],
  engines: [{ name: "elf", supported: true, reason: "" }],
};

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stores: Stores;
let app: ReturnType<typeof agentApi>;
let planKey: Awaited<ReturnType<typeof generateKeyPair>>;
const clock = { now: start };

beforeAll(async () => {
  dynamo = await startDynamo();
  stores = openStores(dynamoFetch(dynamo));
  planKey = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await stores.customers.create({
    customer: "globex",
    title: "Globex",
    createdAt: start,
    groups: { default: { mode: "auto" } },
  });
  app = agentApi({
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
});
afterAll(() => dynamo.stop());

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
  expect(answer).toMatchObject({ status: 201, body: { machine: machineIdOf(keys.publicKey), customer: "globex" } });
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

describe("enrolling", () => {
  it("takes one use of a token, and the same key again gets the same answer without another", async () => {
    const keys = await newKeys();
    const request = { token: await newToken(), iat: start / 1000, facts };
    const first = await send("/v1/agent/enrol", "suture-enrol", request, keys);
    expect(await send("/v1/agent/enrol", "suture-enrol", request, keys)).toEqual(first);
    const { items } = await stores.audit.list("customer/globex");
    const machine = machineIdOf(keys.publicKey);
    expect(items.filter(({ after }) => after?.includes(machine))).toMatchObject([{ what: "POST /v1/agent/enrol" }]);
    expect(JSON.stringify(items)).not.toContain(request.token.split(".")[1]);
    const other = await send("/v1/agent/enrol", "suture-enrol", request, await newKeys());
    expect(other).toMatchObject({ status: 403, body: { code: "token-used-up" } });
  });

  it("refuses a token that was revoked, and keeps those who came with it", async () => {
    const token = await newToken({ usesLeft: 2 });
    const [before, after] = [await newKeys(), await newKeys()];
    const request = { token, iat: start / 1000, facts };
    expect(await send("/v1/agent/enrol", "suture-enrol", request, before)).toMatchObject({ status: 201 });
    const { hash } = (await stores.enrolments.listByCustomer("globex", { limit: 1000 })).items.find(
      (each) =>
        each.hash ===
        createHash("sha256")
          .update(token.split(".")[1] ?? "")
          .digest("hex"),
    ) ?? { hash: "" };
    await stores.enrolments.revoke(hash, start);
    expect(await send("/v1/agent/enrol", "suture-enrol", request, after)).toMatchObject({ status: 401 });
    expect(await send("/v1/agent/enrol", "suture-enrol", request, before)).toMatchObject({ status: 201 });
  });

  it("answers a machine that says it is another the same, whether that other exists or not", async () => {
    const other = machineIdOf((await enrolled()).publicKey);
    const keys = await enrolled();
    const nobody = `m-${"0".repeat(32)}`;
    const said = (machine: string) => ({ machine, counter: 1, iat: start / 1000, facts, patches: [], metadata: {} });
    const [real, none] = await Promise.all(
      [other, nobody].map((machine) => send("/v1/agent/check-in", "suture-check-in", said(machine), keys)),
    );
    expect(real).toMatchObject({ body: { code: "bad-signature" } });
    expect(none).toEqual(real);
  });

  it("refuses an expired and an unknown token, and a key that did not sign", async () => {
    const expired = { token: await newToken({ expiresAt: start - 1 }), iat: start / 1000, facts };
    expect(await send("/v1/agent/enrol", "suture-enrol", expired, await newKeys())).toMatchObject({
      body: { code: "token-expired" },
    });
    const unknown = { ...expired, token: `suture-enrol.${"A".repeat(43)}.${"0".repeat(64)}` };
    expect(await send("/v1/agent/enrol", "suture-enrol", unknown, await newKeys())).toMatchObject({ status: 401 });
    const [one, two] = [await newKeys(), await newKeys()];
    const forged = { publicKey: one.publicKey, privateKey: two.privateKey };
    expect(await send("/v1/agent/enrol", "suture-enrol", expired, forged)).toMatchObject({
      status: 403,
      body: { code: "bad-signature" },
    });
  });
});

describe("a machine that leaves", () => {
  const stream = "acme/echod/stable";
  const retire = (keys: MachineKeys) =>
    send("/v1/agent/retire", "suture-retire", { machine: machineIdOf(keys.publicKey), iat: clock.now / 1000 }, keys);
  const checkIn = (keys: MachineKeys, counter: number) =>
    send("/v1/agent/check-in", "suture-check-in", checkInOf(keys, counter), keys);

  it("by its own word frees its seat at once, and is welcome when it comes back", async () => {
    await stores.subscriptions.put({ customer: "globex", stream, seats: 1, endsAt: null, createdAt: start });
    const keys = await enrolled();
    const machine = machineIdOf(keys.publicKey);
    const seat = { customer: "globex", stream, machine, seatedAt: start };
    expect(await stores.seats.claim(seat, { seats: 1, at: start })).toBe(true);
    const retired = await retire(keys);
    expect(retired).toEqual({ status: 200, body: { machine, retiredAt: new Date(start).toISOString() } });
    expect(await retire(keys)).toEqual(retired);
    expect(await stores.seats.taken("globex", stream)).toBe(0);
    expect((await checkIn(keys, 1)).status).toBe(200);
    expect((await stores.machines.get(machine))?.retiredAt).toBeUndefined();
  });

  it("by an operator's word is refused until it is enrolled anew, which takes a use of a token", async () => {
    const keys = await enrolled();
    const machine = machineIdOf(keys.publicKey);
    await stores.machines.retire({ machine, customer: "globex", at: start, by: "operator" });
    expect(await checkIn(keys, 1)).toMatchObject({ status: 403, body: { code: "retired" } });
    await retire(keys);
    expect(await checkIn(keys, 1)).toMatchObject({ status: 403, body: { code: "retired" } });
    const request = { token: await newToken(), iat: start / 1000, facts };
    expect((await send("/v1/agent/enrol", "suture-enrol", request, keys)).status).toBe(201);
    expect((await send("/v1/agent/enrol", "suture-enrol", request, await newKeys())).body.code).toBe("token-used-up");
    expect((await checkIn(keys, 1)).status).toBe(200);
  });

  it("is another's to say for nobody, and an ephemeral one checks in hourly", async () => {
    const [keys, other] = [await enrolled(), await newKeys()];
    const forged = { machine: machineIdOf(keys.publicKey), iat: start / 1000 };
    expect(await send("/v1/agent/retire", "suture-retire", forged, other)).toMatchObject({ status: 403 });
    const passing = await newKeys();
    const request = { token: await newToken(), iat: start / 1000, facts, ephemeral: true };
    expect((await send("/v1/agent/enrol", "suture-enrol", request, passing)).body).toMatchObject({ ephemeral: true });
    const plan = decodeJwt(String((await checkIn(passing, 1)).body.plan));
    expect(plan.checkInBy).toBe(start / 1000 + 3600);
  });
});

describe("a check-in", () => {
  it("is answered with a plan for this machine and this counter, and a ticket that polls", async () => {
    const keys = await enrolled();
    const { status, body } = await send("/v1/agent/check-in", "suture-check-in", checkInOf(keys, 1), keys);
    expect(status).toBe(200);
    const answer = CheckInAnswer.parse(body);
    const { x } = MachineKey.parse(await exportJWK(planKey.publicKey));
    const planKeys = { keys: [{ kid: "plan-1", kty: "OKP" as const, crv: "Ed25519" as const, x, nbf: 0, exp: 1e10 }] };
    const expected = { machine: machineIdOf(keys.publicKey), seq: 1, now: start / 1000 };
    expect(await verifyPlan(answer.plan, planKeys, expected)).toMatchObject({ seq: 1, pollSeconds: 900, actions: [] });
    await expect(
      verifyPlan(answer.plan, planKeys, { ...expected, machine: `m-${"1".repeat(32)}` }),
    ).rejects.toMatchObject({ code: "wrong-machine" });
    await expect(verifyPlan(answer.plan, planKeys, { ...expected, seq: 2 })).rejects.toMatchObject({
      code: "plan-invalid",
    });

    const poll = await app.request("/v1/agent/poll", { headers: { [ticketHeader]: answer.ticket } });
    expect([poll.status, poll.headers.get("suture-next-poll")]).toEqual([204, "900"]);
  });

  it("repeated with the same body gets the same plan; a replayed counter is refused with the expected one", async () => {
    const keys = await enrolled();
    const body = await signStatement("suture-check-in", checkInOf(keys, 5), keys);
    const first = await post("/v1/agent/check-in", body);
    clock.now += 2_000;
    const again = await post("/v1/agent/check-in", body);
    expect(again.body.plan).toBe(first.body.plan);
    clock.now = start;
    const replayed = await send(
      "/v1/agent/check-in",
      "suture-check-in",
      checkInOf(keys, 5, { facts: { ...facts, hostname: "x" } }),
      keys,
    );
    expect(replayed).toMatchObject({ status: 409, body: { code: "counter-behind", expected: 6 } });
    const machine = await stores.machines.get(machineIdOf(keys.publicKey));
    expect(machine).toMatchObject({ counter: 5, facts: { hostname: "web-1" } });
  });

  it("of two hosts with one identity, by turns, marks it as cloned; a reboot does not", async () => {
    const keys = await enrolled();
    const marks: unknown[] = [];
    for (const [at, bootId] of ["a", "b", "c", "b"].entries()) {
      const said = checkInOf(keys, at + 1, { facts: { ...facts, bootId } });
      expect(await send("/v1/agent/check-in", "suture-check-in", said, keys)).toMatchObject({ status: 200 });
      marks.push((await stores.machines.get(machineIdOf(keys.publicKey)))?.clonedAt);
    }
    expect(marks).toEqual([undefined, undefined, undefined, start]);
  });

  it("from a clock an hour off is told the server's time, and nothing is recorded", async () => {
    const keys = await enrolled();
    const late = await send(
      "/v1/agent/check-in",
      "suture-check-in",
      checkInOf(keys, 1, { iat: start / 1000 - 3600 }),
      keys,
    );
    expect(late).toMatchObject({ status: 401, body: { code: "clock-skew", serverTime: start / 1000 } });
    expect(await stores.machines.get(machineIdOf(keys.publicKey))).toMatchObject({ counter: 0 });
  });

  it("of a machine that nobody enrolled, for another machine, or posing as another statement is refused", async () => {
    const keys = await enrolled();
    const stranger = await newKeys();
    const refused = async (payload: unknown, by: MachineKeys, type: StatementType = "suture-check-in") =>
      (await send("/v1/agent/check-in", type, payload, by)).body.code;
    expect(await refused(checkInOf(stranger, 1), stranger)).toBe("unauthorized");
    expect(await refused(checkInOf(keys, 1), stranger)).toBe("bad-signature");
    expect(await refused(checkInOf(keys, 1), keys, "suture-report")).toBe("bad-signature");
  });

  it("with an unknown field, a foreign content type or no JWS at all is refused by its code", async () => {
    const keys = await enrolled();
    const odd = await send("/v1/agent/check-in", "suture-check-in", checkInOf(keys, 1, { surprise: 1 }), keys);
    expect(odd).toMatchObject({ status: 400, body: { code: "invalid-request" } });
    expect(JSON.stringify(odd.body)).toContain("surprise");
    expect(await post("/v1/agent/check-in", "{}", "application/json")).toMatchObject({
      status: 415,
      body: { code: "unsupported-media-type" },
    });
    expect(await post("/v1/agent/check-in", "not a jws")).toMatchObject({ body: { code: "bad-signature" } });
  });

  it("of 300 MB is refused without being read", async () => {
    let pulled = 0;
    const chunk = new Uint8Array(1024 * 1024);
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulled++ < 300) controller.enqueue(chunk);
        else controller.close();
      },
    });
    expect(await post("/v1/agent/check-in", endless)).toMatchObject({ status: 413, body: { code: "too-large" } });
    expect(pulled).toBeLessThan(10);
  });
});

describe("a report", () => {
  const receiptOf = (keys: MachineKeys, sequence: number, code: "applied" | "undone") =>
    signReceipt(
      {
        machine: machineIdOf(keys.publicKey),
        sequence,
        patch: "acme/echod/stable/fix@1",
        manifest: "0".repeat(64),
        action: code === "applied" ? "apply" : "undo",
        code,
        detail: "",
        evidence: {},
        planSeq: 1,
        at: start / 1000,
      },
      keys,
    );

  it("may come twice and out of order: each receipt is kept once, and the newest is the state", async () => {
    const keys = await enrolled();
    const machine = machineIdOf(keys.publicKey);
    const [applied, undone] = [await receiptOf(keys, 1, "applied"), await receiptOf(keys, 2, "undone")];
    const report = (receipts: string[]) => send("/v1/agent/reports", "suture-report", { machine, receipts }, keys);
    expect((await report([undone])).body).toEqual({ acknowledged: [2] });
    expect((await report([applied, undone])).body).toEqual({ acknowledged: [1, 2] });
    expect(await stores.receipts.count(machine)).toBe(2);
    expect((await stores.states.listByMachine(machine)).items).toMatchObject([{ state: "undone", receipt: 2 }]);
  });

  it("with another machine's receipt is refused whole", async () => {
    const [keys, other] = [await enrolled(), await enrolled()];
    const machine = machineIdOf(keys.publicKey);
    const receipts = [await receiptOf(keys, 1, "applied"), await receiptOf(other, 1, "applied")];
    const answer = await send("/v1/agent/reports", "suture-report", { machine, receipts }, keys);
    expect(answer.body.code).toBe("bad-signature");
    expect(await stores.receipts.count(machine)).toBe(0);
  });
});
