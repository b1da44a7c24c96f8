import { exportJWK } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { verifyPlan } from "../../protocol/trust/plan.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, machineIdOf, type StatementType, signStatement } from "../../protocol/trust/request.ts";
import { CheckInAnswer, ticketHeader } from "../../protocol/wire/check-in.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import { facts, start, startAgentApi } from "../../test/support/agent-api.ts";

const { stop, app, stores, clock, planKey, newKeys, send, post, enrolled, checkInOf } = await startAgentApi();
afterAll(stop);

describe("a check-in", () => {
  it("is answered with a plan for this machine and this counter, and a ticket that polls", async () => {
    const keys = await enrolled();
    const { status, body } = await send("/v1/agent/check-in", "suture-check-in", checkInOf(keys, 1), keys);
    expect(status).toBe(200);
    const answer = CheckInAnswer.parse(body);
    const { x } = MachineKey.parse(await exportJWK(planKey));
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
  const receiptOf = (keys: MachineKeys, sequence: number, code: "applied" | "undone", evidence = {}) =>
    signReceipt(
      {
        machine: machineIdOf(keys.publicKey),
        sequence,
        patch: "acme/echod/stable/fix@1",
        manifest: "0".repeat(64),
        action: code === "applied" ? "apply" : "undo",
        code,
        detail: "",
        evidence,
        planSeq: 1,
        at: start / 1000,
      },
      keys,
    );

  it("keeps how many processes lack a patch, until a newer one says that none does", async () => {
    const keys = await enrolled();
    const machine = machineIdOf(keys.publicKey);
    const report = async (sequence: number, evidence: object) => {
      const receipts = [await receiptOf(keys, sequence, "applied", evidence)];
      await send("/v1/agent/reports", "suture-report", { machine, receipts }, keys);
      return (await stores.states.listByMachine(machine)).items[0];
    };
    const partial = { patched: 3, skipped: 1, reasons: { blocked: 1 } };
    expect(await report(1, { partial })).toMatchObject({ state: "applied", partial });
    // What cannot be read is no proof that every process has it
    expect(await report(2, { partial: { skipped: "none" } })).toMatchObject({ partial: { skipped: 1 } });
    expect((await report(3, {}))?.partial).toBeUndefined();
  });

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

  it("keeps each receipt by itself: another machine's is set aside, and half a character harms no other", async () => {
    const [keys, other] = [await enrolled(), await enrolled()];
    const machine = machineIdOf(keys.publicKey);
    const receipts = [await receiptOf(keys, 1, "applied"), await receiptOf(other, 1, "applied"), "no receipt"];
    const answer = await send("/v1/agent/reports", "suture-report", { machine, receipts }, keys);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        acknowledged: [1],
        setAside: [
          { list: "receipts", at: 1, code: "bad-signature" },
          { list: "receipts", at: 2, code: "invalid-request" },
        ],
      },
    });
    expect(await stores.receipts.count(machine)).toBe(1);
  });
});
