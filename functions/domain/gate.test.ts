import fc from "fast-check";
import { expect, it } from "vitest";
import { gateOf } from "./gate.ts";
import { judge, newRollout, noCounts, resume } from "./rollout.ts";

const terms = { waves: [{ share: 1, bakeMinutes: 30 }], failureLimit: 0.05, onHalt: "keep" as const };
const begun = (size: number) => newRollout({ customer: "globex", patch: "acme/echod/stable/fix@1", size }, terms, 1000);

it("what a gate shows is what it judges by", () => {
  const machines = fc.record({ applied: fc.nat(200), failed: fc.nat(50) });
  fc.assert(
    fc.property(machines, machines, (before, since) => {
      const forgiven = { ...noCounts, ...before };
      const phases = { 1: { attempts: since.applied + since.failed, failures: since.failed } };
      const [applied, failed] = [before.applied + since.applied, before.failed + since.failed];
      const counts = { ...noCounts, applied, failed, phases };
      const rollout = resume(begun(1000), { by: "ann", at: 1000, counts: forgiven });
      const { wave, rollout: whole, tried } = gateOf(rollout, counts);
      expect(tried).toBe(counts.applied + counts.failed);
      expect(whole).toMatchObject({ attempts: counts.applied + since.failed, failures: since.failed });
      expect(wave).toMatchObject(phases[1]);
      const isOver = [whole, wave].some(
        ({ attempts, lowerBound }) => attempts >= 10 && lowerBound > terms.failureLimit,
      );
      expect(judge(rollout, counts, 1000).do === "halt").toBe(isOver);
    }),
  );
});

it("a gate says how many must try, and until when the wave is watched", () => {
  const gate = gateOf(begun(5), { ...noCounts, applied: 2 });
  expect(gate).toMatchObject({ machines: 5, tried: 2, wanted: 3, openedAt: 1000, bakesUntil: 1000 + 30 * 60_000 });
});
