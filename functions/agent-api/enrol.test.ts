import { createHash } from "node:crypto";
import { decodeJwt } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { type MachineKeys, machineIdOf } from "../../protocol/trust/request.ts";
import { facts, start, startAgentApi } from "../../test/support/agent-api.ts";

const { stop, stores, clock, newKeys, newToken, send, enrolled, checkInOf } = await startAgentApi();
afterAll(stop);

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
