import { createSecretKey } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { machineIdOf, signStatement } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import { Plan } from "../../protocol/wire/plan.ts";
import { everyInterleaving, type Gate } from "../../test/support/interleave.ts";
import type { ChangeRecord } from "../domain/poll.ts";
import { sealTicket } from "../domain/ticket.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { ChangesCache } from "./changes-cache.ts";
import { type CheckInDeps, checkIn } from "./check-in.ts";
import { AgentGate, usualAgentLimits } from "./limits.ts";
import { MetadataHints } from "./metadata-hints.ts";
import { answerPoll } from "./poll.ts";

const keys = [createSecretKey(new Uint8Array(32).fill(7))] as const;
const start = Date.parse("2026-11-25T00:00:00Z");
const stream = "acme/echod/stable";
const scope = `p:${stream}`;
const openGate: Gate = () => Promise.resolve();
const ticket = (epoch: number, checkInBy = start / 1000 + 3600) =>
  sealTicket({ machine: "m-1", epoch, checkInBy, scopes: ["t:globex", scope] }, keys);

function cacheOf(read: () => Promise<ChangeRecord>, clock = { now: start }) {
  return { clock, cache: new ChangesCache(read, () => clock.now) };
}

describe("a poll", () => {
  it("is answered from memory: a thousand polls within the copy's life read the record once", async () => {
    let reads = 0;
    const { cache } = cacheOf(() => {
      reads++;
      return Promise.resolve({ epoch: 4, floor: 0, scopes: { [scope]: { epoch: 3, at: 0 } } });
    });
    for (let poll = 0; poll < 1000; poll++) {
      expect(await answerPoll(ticket(4), { changes: cache, keys, now: start })).toBe("nothing-new");
    }
    expect(reads).toBe(1);
  });

  it("is told to check in for a changed scope, a ticket below the floor, past its time, or not ours", async () => {
    const { cache } = cacheOf(() => Promise.resolve({ epoch: 9, floor: 5, scopes: { [scope]: { epoch: 8, at: 0 } } }));
    const answer = (text: string | undefined) => answerPoll(text, { changes: cache, keys, now: start });
    expect(await answer(ticket(7))).toBe("check-in");
    expect(await answer(ticket(4))).toBe("check-in");
    expect(await answer(ticket(9, start / 1000))).toBe("check-in");
    expect(await answer(`${ticket(9)}x`)).toBe("check-in");
    expect(await answer(ticket(9).replace("m-1", "m-2"))).toBe("check-in");
    expect(await answer(undefined)).toBe("check-in");
    expect(await answer(ticket(8))).toBe("nothing-new");
  });

  it("fails as unavailable, never as nothing new, once the record could not be read for a minute", async () => {
    let broken = false;
    const { cache, clock } = cacheOf(() =>
      broken ? Promise.reject(new Error("table is away")) : Promise.resolve({ epoch: 1, floor: 0, scopes: {} }),
    );
    const poll = async () => answerPoll(ticket(1), { changes: cache, keys, now: clock.now });
    expect(await poll()).toBe("nothing-new");
    broken = true;
    clock.now += 59_000;
    expect(await poll()).toBe("nothing-new");
    clock.now += 2_000;
    await expect(poll()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("with a ticket that has seen more than the copy reads the record again before it answers", async () => {
    const records = [
      { epoch: 1, floor: 0, scopes: {} },
      { epoch: 2, floor: 0, scopes: { [scope]: { epoch: 2, at: 0 } } },
    ];
    const { cache } = cacheOf(() => Promise.resolve(records.shift() ?? { epoch: 3, floor: 0, scopes: {} }));
    expect(await answerPoll(ticket(1), { changes: cache, keys, now: start })).toBe("nothing-new");
    expect(await answerPoll(ticket(2), { changes: cache, keys, now: start })).toBe("nothing-new");
  });
});

describe("under every interleaving of two instances, a writer and a check-in", () => {
  it("a machine whose plan lacks a change is told to check in at its next poll", async () => {
    const plan = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    const own = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const publicKey = MachineKey.parse(await exportJWK(own.publicKey));
    const machine = machineIdOf(publicKey);
    const facts = { hostname: "h", os: "linux", arch: "x86_64", kernel: "6", bootId: "b", agent: "1" };
    const build = { buildId: "aabbccdd", path: "/bin/echod", processes: 1 };
    const engines = [{ name: "elf" as const, supported: true, reason: "" }];
    const said = { facts: { ...facts, builds: [build], engines }, patches: [], metadata: {} };
    const iat = start / 1000;
    const jws = await signStatement(
      "suture-check-in",
      { machine, counter: 1, iat, ...said },
      { publicKey, privateKey: own.privateKey },
    );

    const row = { machine, customer: "globex", group: "default", seenAt: start, counter: 1, boots: ["b"] };
    let missed = 0;
    const orders = await everyInterleaving(() => {
      let patches: object[] = [];
      let record: ChangeRecord = { epoch: 1, floor: 0, scopes: {} };
      const clock = { now: start };
      // Everything that is shared waits at the gate of whoever calls it; what it reads is what stands when it passes
      const none = () => Promise.resolve({ items: [] });
      const stores = (gate: Gate) => ({
        // What nobody writes here need not wait: it would only multiply the orders
        policies: { list: none },
        pins: { list: none },
        rollouts: { list: none },
        patchHolds: { listByStream: none },
        recalls: { list: none },
        readChanges: () => gate().then(() => record),
        customers: { get: () => gate().then(() => ({ groups: {} })) },
        subscriptions: { listByCustomer: () => gate().then(() => ({ items: [{ stream, endsAt: null }] })) },
        patches: { listByStream: () => gate().then(() => ({ items: patches })) },
        machines: { checkIn: () => gate().then(() => ({ machine: { ...row, ...said } })) },
      });
      const instance = () => {
        // a check-in and a poll of one instance are two actors, so each has its own gate
        const gates = { checkIn: openGate, poll: openGate };
        const own = stores(() => gates.checkIn());
        const deps = {
          gate: new AgentGate(usualAgentLimits, () => clock.now),
          machines: own.machines,
          seats: { claim: () => Promise.resolve(true) },
          inputs: new PlanInputsCache(own as never),
          changes: new ChangesCache(own.readChanges, () => clock.now),
          hints: new MetadataHints(() => Promise.resolve(undefined), Date.now),
          releases: { get: () => Promise.resolve([]) },
          presign: () => Promise.resolve(""),
          ticketKeys: keys,
          planKey: () => Promise.resolve({ kid: "k", privateKey: plan.privateKey }),
          pollSeconds: 900,
        } as unknown as CheckInDeps;
        const changes = new ChangesCache(stores(() => gates.poll()).readChanges, () => clock.now);
        return { gates, changes, deps };
      };
      const [one, two] = [instance(), instance()];
      let answer: { plan: string; ticket: string } | undefined;
      const poll = async (at: typeof one, text: string) =>
        answerPoll(text, { changes: at.changes, keys, now: clock.now });

      return {
        actors: [
          async (gate) => {
            await gate();
            patches = [livePatch(build.buildId)];
            await gate();
            record = { epoch: 2, floor: 0, scopes: { [scope]: { epoch: 2, at: clock.now } } };
          },
          async (gate) => {
            one.gates.checkIn = gate;
            answer = await checkIn(jws, one.deps, clock.now);
          },
          async (gate) => {
            one.gates.poll = two.gates.poll = gate;
            await poll(one, ticket(1));
            await poll(two, ticket(1));
          },
        ],
        check: async () => {
          one.gates.checkIn = one.gates.poll = two.gates.poll = openGate;
          if (answer === undefined) throw new Error("the check-in got no answer");
          const knows = applies(answer.plan);
          if (!knows) missed++;
          clock.now += 5_000;
          for (const at of [one, two]) {
            const told = await poll(at, answer.ticket);
            if (!knows) expect(told).toBe("check-in");
            // and one that checks in again on either instance learns of it, whatever that instance kept
            const again = await checkIn(jws, at.deps, clock.now);
            if (!knows) expect(applies(again.plan)).toBe(true);
          }
        },
      };
    });
    expect(orders).toBeGreaterThan(100);
    expect(missed).toBeGreaterThan(0);
  });
});

function applies(jws: string): boolean {
  const payload: unknown = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());
  return Plan.parse(payload).actions.some((action) => action.do === "apply");
}

function livePatch(buildId: string) {
  const manifest = {
    product: "echod",
    channel: "stable",
    patch: "fix",
    version: 1,
    supersedes: [],
    requires: [],
    variants: [{ engine: "elf", match: { buildId, arch: "x86_64" }, bundle: { sha256: "0".repeat(64) } }],
  };
  return { id: "acme/echod/stable/fix@1", manifest, manifestSha256: "1".repeat(64), state: "live" };
}
