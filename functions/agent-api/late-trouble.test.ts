import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { followStreams } from "../../infra/local/streams.ts";
import { signReceipt } from "../../protocol/trust/receipt.ts";
import { type MachineKeys, machineIdOf, signStatement } from "../../protocol/trust/request.ts";
import { MachineKey } from "../../protocol/wire/enrol.ts";
import type { Receipt } from "../../protocol/wire/report.ts";
import { finish, newRollout, noCounts } from "../domain/rollout.ts";
import { countOutcomes } from "../jobs/aggregates.ts";
import { judgeMoved } from "../jobs/rollout-gates.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import { isHeldForEveryone } from "../stores/patch-holds.ts";
import { tableChanges } from "../stores/streams.ts";
import { AgentGate, usualAgentLimits } from "./limits.ts";
import { takeReport } from "./report.ts";

const day = 86_400;
const start = Date.parse("2026-11-25T00:00:00Z") / 1000;
const now = (start + 5 * day) * 1000;
const facts = {
  hostname: "h",
  os: "linux",
  arch: "x86_64",
  kernel: "6",
  bootId: "b",
  agent: "1",
  builds: [],
  engines: [],
};
const agentGate = new AgentGate(usualAgentLimits, () => now);
let stores: Stores;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const dynamo = await startDynamo();
  stores = openStores(dynamoSdk(dynamo));
  const failed: unknown[] = [];
  const streams = followStreams(
    dynamo,
    ["states", "counts"],
    async (event) => {
      const changes = tableChanges(event);
      await countOutcomes(changes, { ...stores, now });
      await judgeMoved(changes, { ...stores, now });
    },
    (error) => failed.push(error),
  );
  ends.push(
    () => streams.stop(),
    async () => expect(failed).toEqual([]),
    () => dynamo.stop(),
  );
});
afterAll(async () => {
  for (const end of ends) await end();
});

/** A customer's machine that signs with a real key. */
async function newMachine(customer: string) {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty, crv, x } = await exportJWK(publicKey);
  const keys: MachineKeys = { privateKey, publicKey: MachineKey.parse({ kty, crv, x }) };
  const machine = machineIdOf(keys.publicKey);
  await stores.machines.enrol({
    machine,
    customer,
    group: "web",
    publicKey: keys.publicKey,
    enrolledAt: start * 1000,
    facts,
  });
  const manifest = "0".repeat(64);
  const receipt = (sequence: number, patch: string, code: Receipt["code"], at: number) =>
    signReceipt(
      { machine, sequence, patch, manifest, action: "apply", code, detail: "", evidence: {}, planSeq: 1, at },
      keys,
    );
  const incident = (sequence: number, kind: string, applied: { patch: string; since: number }[], at: number) =>
    signStatement("suture-incident", { incident: 1, machine, sequence, kind, detail: "seen", applied, at }, keys);
  const report = async (receipts: string[], incidents: string[]) =>
    takeReport(await signStatement("suture-report", { machine, receipts, incidents }, keys), {
      ...stores,
      gate: agentGate,
      now,
    });
  return { machine, receipt, incident, report };
}

async function doneRollout(customer: string, patch: string) {
  const policy = { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.05, onHalt: "undo" as const };
  const begun = newRollout({ customer, patch, size: 3 }, policy, start * 1000);
  await stores.rollouts.create(begun);
  await stores.rollouts.update(finish(begun, { by: "gates", at: start * 1000, counts: noCounts }));
}
const rollout = (customer: string, patch: string) => stores.rollouts.get(customer, patch);

it("a crash loop days later is put down to what was applied last, halts the rollout that was done, and undoes", async () => {
  const [first, last] = ["acme/echod/stable/first@1", "acme/echod/stable/last@1"];
  const { machine, receipt, incident, report } = await newMachine("globex");
  for (const patch of [first, last]) await doneRollout("globex", patch);
  const applied = [
    { patch: last, since: start + day },
    { patch: first, since: start },
  ];
  const crash = await incident(3, "crash-loop", applied, start + 4 * day);
  // The incident comes before the receipts, and everything comes twice
  for (let times = 0; times < 2; times++) {
    expect(await report([], [crash])).toEqual({ acknowledged: [3] });
    const receipts = [await receipt(2, last, "applied", start + day), await receipt(1, first, "applied", start)];
    expect(await report(receipts, [crash])).toEqual({ acknowledged: [2, 1, 3] });
  }
  await expect
    .poll(() => rollout("globex", last), { timeout: 10_000 })
    .toMatchObject({
      state: "halted",
      undo: true,
      history: [{}, {}, { what: "halted", detail: "1 of 1 machines failed, some of them late (crash-loop 1)" }],
    });
  expect(await rollout("globex", first)).toMatchObject({ state: "done" });
  const states = (await stores.states.listByMachine(machine)).items;
  expect(states.find(({ patchId }) => patchId === last)).toMatchObject({
    state: "applied",
    trouble: { kind: "crash-loop", sequence: 3 },
  });
  expect(states.find(({ patchId }) => patchId === first)?.trouble).toBeUndefined();

  // The halt undoes it; what went wrong stays in the review
  await report([await receipt(4, last, "undone", start + 4 * day + 60)], []);
  const counts = () => stores.outcomes.counts({ customer: "globex", patch: last });
  await expect
    .poll(async () => (await stores.outcomes.list({ customer: "globex", patch: last })).items[0]?.receipt)
    .toBe(4);
  expect(await counts()).toMatchObject({ failed: 1, undone: 0, causes: { "crash-loop": 1 } });
});

it("reboots alone halt a customer's own rollout and are no word to other customers", async () => {
  const patch = "acme/echod/stable/power@1";
  for (const customer of ["c-1", "c-2", "c-3"]) {
    const { receipt, incident, report } = await newMachine(customer);
    await doneRollout(customer, patch);
    const crash = await incident(2, "reboot", [{ patch, since: start }], start + day);
    await report([await receipt(1, patch, "applied", start)], [crash]);
    await expect.poll(() => rollout(customer, patch), { timeout: 10_000 }).toMatchObject({ state: "halted" });
  }
  expect((await stores.patchHolds.listByStream("acme/echod/stable")).items.filter(isHeldForEveryone)).toEqual([]);
});

it("an incident that another machine signed is refused, and one that is nobody's fault blames nobody", async () => {
  const [one, other] = [await newMachine("initech"), await newMachine("initech")];
  const foreign = await other.incident(1, "oops", [], start);
  expect(await one.report([], [foreign])).toMatchObject({ acknowledged: [], setAside: [{ code: "wrong-machine" }] });
  expect(await other.report([], [foreign])).toEqual({ acknowledged: [1] });
  expect((await stores.states.listByMachine(other.machine)).items).toEqual([]);
  expect((await stores.receipts.listByMachine(other.machine)).items).toMatchObject([{ sequence: 1 }]);
});
