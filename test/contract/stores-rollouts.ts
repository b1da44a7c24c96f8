import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Watch } from "../../functions/domain/outcome.ts";
import { halt, newRollout, noCounts } from "../../functions/domain/rollout.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { outcomesStore, type Reported, rolloutOfCounted } from "../../functions/stores/outcomes.ts";
import { isHeldForEveryone, patchHoldsStore } from "../../functions/stores/patch-holds.ts";
import { policiesStore } from "../../functions/stores/policies.ts";
import { rolloutsStore } from "../../functions/stores/rollouts.ts";
import { now, problem, unique } from "./stores-data.ts";

const seen = { now, phase: 0 };

/** What the stores of rollouts promise. */
export function rolloutsContract(dynamo: () => Dynamo) {
  const newPatch = () => `${unique("v")}/srv/stable/fix@1`;
  const reports = (count: number, more: Partial<Reported> = {}): Reported[] =>
    Array.from({ length: count }, () => ({
      machine: `m-${randomBytes(16).toString("hex")}`,
      receipt: 1,
      outcome: "applied",
      cause: "applied",
      ...more,
    }));

  test("counts are of machines: receipts that come twice, late, or in two batches at once change nothing", async () => {
    const outcomes = outcomesStore(dynamo());
    const ref = { customer: unique("c"), patch: newPatch() };
    const applied = reports(70);
    const failed = applied
      .slice(0, 7)
      .map((each): Reported => ({ ...each, receipt: 2, outcome: "failed", cause: "quarantined" }));
    await Promise.all([outcomes.record(ref, applied, seen), outcomes.record(ref, [...failed, ...applied], seen)]);
    await outcomes.record(ref, applied.slice(0, 10), seen);
    const phases = { 0: { attempts: 70, failures: 7 } };
    expect(await outcomes.counts(ref)).toEqual({
      ...noCounts,
      applied: 63,
      failed: 7,
      causes: { quarantined: 7 },
      phases,
    });
    const { items } = await outcomes.list(ref);
    expect(items.filter(({ outcome }) => outcome === "failed").length).toBe(7);
    expect(await outcomes.counts({ ...ref, customer: unique("c") })).toEqual(noCounts);
  });

  test("a machine that applied is watched until its last point, and one that reports meanwhile is not overruled", async () => {
    const outcomes = outcomesStore(dynamo());
    const ref = { customer: unique("c"), patch: newPatch() };
    const [one, two] = reports(2);
    if (!one || !two) throw new Error("two reports were made");
    await outcomes.record(ref, [one, two], seen);
    const due = async (at: number) =>
      (await outcomes.due(at)).filter((each) => rolloutOfCounted(each).patch === ref.patch);
    expect(await due(now)).toEqual([]);
    await expect.poll(async () => (await due(now + 600_000)).length).toBe(2);
    const [first, second] = await due(now + 600_000);
    if (!first || !second) throw new Error("two are due");
    await outcomes.record(ref, [{ ...second, receipt: 2, outcome: "undone", cause: "undone" }], seen);
    const next: Watch = { appliedAt: now, point: 4, misses: 2 };
    expect(await outcomes.watched(second, { watch: next, outcome: "failed", cause: "silent" })).toBe(false);
    expect(await outcomes.watched(first, { watch: next, outcome: "failed", cause: "silent" })).toBe(true);
    await expect.poll(() => due(now + 9_000_000)).toEqual([]);
    const phases = { 0: { attempts: 2, failures: 1 } };
    expect(await outcomes.counts(ref)).toEqual({ ...noCounts, failed: 1, undone: 1, causes: { silent: 1 }, phases });
  });

  test("trouble with a patch fails a machine once, whatever comes twice or late, and a machine that tries anew counts in the phase that is open", async () => {
    const outcomes = outcomesStore(dynamo());
    const ref = { customer: unique("c"), patch: newPatch() };
    const [one] = reports(1);
    if (!one) throw new Error("one report was made");
    const troubled: Reported = { ...one, incident: 2, outcome: "failed", cause: "crash-loop" };
    for (const batch of [[one], [troubled], [one, troubled, one], [troubled]]) await outcomes.record(ref, batch, seen);
    const failed = { ...noCounts, failed: 1, causes: { "crash-loop": 1 } };
    expect(await outcomes.counts(ref)).toEqual({ ...failed, phases: { 0: { attempts: 1, failures: 1 } } });
    await outcomes.record(ref, [{ ...one, receipt: 4, incident: 2 }], { now, phase: 3 });
    const phases = { 0: { attempts: 0, failures: 0 }, 3: { attempts: 1, failures: 0 } };
    expect(await outcomes.counts(ref)).toEqual({ ...noCounts, applied: 1, phases });
  });

  test("of two that change a rollout one reads again, and only running ones are listed for the gates", async () => {
    const rollouts = rolloutsStore(dynamo());
    const policy = { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.1, onHalt: "undo" as const };
    const begun = newRollout({ customer: unique("c"), patch: newPatch(), size: 4 }, policy, now);
    expect([await rollouts.create(begun), await rollouts.create(begun)]).toEqual([true, false]);
    const running = async () => (await rollouts.listRunning({ limit: 1000 })).items.map(({ patch }) => patch);
    await expect.poll(running).toContain(begun.patch);
    const change = { by: "ann", at: now, counts: noCounts };
    const halted = halt(begun, change);
    await rollouts.update(halted);
    await expect(rollouts.update(halt(begun, change))).rejects.toEqual(problem("conflict"));
    expect(await rollouts.get(begun.customer, begun.patch)).toEqual(halted);
    await expect.poll(running).not.toContain(begun.patch);
  });

  test("three customers hold a patch for everyone, one that halts again does not, and the vendor's answer begins anew", async () => {
    const holds = patchHoldsStore(dynamo());
    const id = newPatch();
    for (const customer of ["a", "b", "a", "b", "a"])
      expect(isHeldForEveryone(await holds.addHalt(id, customer))).toBe(false);
    expect(isHeldForEveryone(await holds.addHalt(id, "c"))).toBe(true);
    expect(isHeldForEveryone(await holds.release(id, "it was the test farm"))).toBe(false);
    expect((await holds.listByStream(id.slice(0, id.lastIndexOf("/")))).items).toMatchObject([{ id, customers: [] }]);
    expect(isHeldForEveryone(await holds.hold(id, "we look at it"))).toBe(true);
  });

  test("a policy is kept as it was put, listed by name, and gone once it is removed", async () => {
    const policies = policiesStore(dynamo());
    const customer = unique("c");
    const policy = { name: "web", group: "web", order: 1, policy: { apply: "ask" as const } };
    await policies.put(customer, policy);
    await policies.put(customer, { ...policy, name: "all" });
    expect((await policies.list(customer)).items.map(({ name }) => name)).toEqual(["all", "web"]);
    expect(await policies.get(customer, "web")).toEqual(policy);
    expect([await policies.remove(customer, "web"), await policies.remove(customer, "web")]).toEqual([true, false]);
  });
}
