import { afterAll, beforeAll, expect, it } from "vitest";
import { startDynamo } from "../../infra/local/dynamodb.ts";
import { openStores, type Stores } from "../../infra/local/stores.ts";
import { newRollout } from "../domain/rollout.ts";
import { dynamoSdk } from "../stores/dynamo-sdk.ts";
import type { Reported } from "../stores/outcomes.ts";
import { isHeldForEveryone } from "../stores/patch-holds.ts";
import { runGates } from "./rollout-gates.ts";

const start = Date.parse("2026-11-25T00:00:00Z");
const minute = 60_000;
const stream = "acme/echod/stable";
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stores: Stores;
beforeAll(async () => {
  dynamo = await startDynamo();
  stores = openStores(dynamoSdk(dynamo));
});
afterAll(() => dynamo.stop());

const gatesAt = (now: number) => runGates({ ...stores, now });
const waves = [
  { share: 0.5, bakeMinutes: 30 },
  { share: 1, bakeMinutes: 0 },
];
async function begin(customer: string, patch: string, size: number) {
  const policy = { waves, failureLimit: 0.05, onHalt: "undo" as const };
  await stores.rollouts.create(newRollout({ customer, patch, size }, policy, start));
}
const applied = (machine: string, more: Partial<Reported> = {}): Reported => ({
  machine,
  receipt: 1,
  outcome: "applied",
  cause: "applied",
  ...more,
});
const rollout = (customer: string, patch: string) => stores.rollouts.get(customer, patch);

it("a machine that misses two check-ins after it applied is a failure, and one that keeps them is not", async () => {
  const patch = `${stream}/silent@1`;
  await begin("globex", patch, 2);
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
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  const machine = "m-well";
  await stores.machines.enrol({ machine, customer: "globex", group: "default", publicKey, enrolledAt: start, facts });
  await stores.outcomes.record({ customer: "globex", patch }, [applied(machine), applied("m-gone")], {
    now: start,
    phase: 0,
  });
  for (let at = 1; at <= 20; at++) {
    if ([1, 5, 15].includes(at)) {
      const said = { counter: at, bodyHash: String(at), at: start + at * minute, facts, patches: [], metadata: {} };
      await stores.machines.checkIn(machine, said);
    }
    await gatesAt(start + at * minute);
    if (at === 5) expect(await rollout("globex", patch)).toMatchObject({ state: "running" });
  }
  expect(await rollout("globex", patch)).toMatchObject({ state: "halted", undo: true });
  expect((await stores.outcomes.counts({ customer: "globex", patch })).causes).toEqual({ silent: 1 });
});

it("a machine that falls silent after its rollout was done is a failure, and halts it late", async () => {
  const patch = `${stream}/late@1`;
  const policy = { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.05, onHalt: "undo" as const };
  await stores.rollouts.create(newRollout({ customer: "globex", patch, size: 2 }, policy, start));
  const record = (machine: string, at: number) =>
    stores.outcomes.record({ customer: "globex", patch }, [applied(machine)], { now: at, phase: 0 });
  await record("m-first", start);
  await gatesAt(start + minute / 4);
  expect(await rollout("globex", patch)).toMatchObject({ state: "done" });
  await record("m-late", start + minute);
  for (let at = 2; at <= 22; at++) await gatesAt(start + at * minute);
  expect(await rollout("globex", patch)).toMatchObject({ state: "halted", undo: true });
});

it("machines on which some process lacks the patch have tried, halt nothing, and count as nothing else, also after silence", async () => {
  const patch = `${stream}/partial@1`;
  const ref = { customer: "globex", patch };
  await begin("globex", patch, 4);
  const partial = (machine: string, receipt = 1) => applied(machine, { receipt, outcome: "partial" });
  await stores.outcomes.record(ref, [partial("m-1"), partial("m-2")], { now: start, phase: 0 });
  const counts = () => stores.outcomes.counts(ref);
  expect(await counts()).toMatchObject({ applied: 0, partial: 2, failed: 0, phases: {} });
  // Both miss their check-ins, and one is heard of again
  for (let at = 1; at <= 22; at++) await gatesAt(start + at * minute);
  expect(await counts()).toMatchObject({ partial: 0, failed: 2, causes: { silent: 2 } });
  await stores.outcomes.record(ref, [partial("m-1", 2), applied("m-2", { receipt: 2 })], {
    now: start + 23 * minute,
    phase: 0,
  });
  expect(await counts()).toMatchObject({
    applied: 1,
    partial: 1,
    failed: 0,
    phases: { 0: { attempts: 1, failures: 0 } },
  });
});

it("nobody is blamed for check-ins that fell into a pause of the gates themselves", async () => {
  const patch = `${stream}/pause@1`;
  await begin("globex", patch, 1);
  await stores.outcomes.record({ customer: "globex", patch }, [applied("m-far")], { now: start, phase: 0 });
  await gatesAt(start + minute);
  await gatesAt(start + 40 * minute);
  await gatesAt(start + 41 * minute);
  expect((await stores.outcomes.counts({ customer: "globex", patch })).failed).toBe(0);
});

it("a patch that three customers' gates halt is held for everyone and opens no wave until the vendor answers; two are not enough", async () => {
  const patch = `${stream}/bad@1`;
  for (const customer of ["c-1", "c-2", "c-3"]) {
    await begin(customer, patch, 4);
    await stores.outcomes.record({ customer, patch }, [applied("m-1", { outcome: "failed", cause: "quarantined" })], {
      now: start,
      phase: 0,
    });
    await gatesAt(start);
    expect(await rollout(customer, patch)).toMatchObject({ state: "halted" });
    const holds = (await stores.patchHolds.listByStream(stream)).items.filter(({ id }) => id === patch);
    expect(holds.some(isHeldForEveryone)).toBe(customer === "c-3");
  }
  await begin("c-4", patch, 1);
  await stores.outcomes.record({ customer: "c-4", patch }, [applied("m-1")], { now: start, phase: 0 });
  await gatesAt(start + 31 * minute);
  expect(await rollout("c-4", patch)).toMatchObject({ state: "running", wave: 0 });
  await stores.patchHolds.release(patch, "it was the test farm");
  await gatesAt(start + 32 * minute);
  expect(await rollout("c-4", patch)).toMatchObject({ state: "running", wave: 1 });
});
