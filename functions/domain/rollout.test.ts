import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lookAt, watchDue } from "./outcome.ts";
import {
  type Counts,
  finish,
  halt,
  judge,
  newRollout,
  noCounts,
  openWave,
  resume,
  waveOf,
  wilsonLowerBound,
} from "./rollout.ts";

const minute = 60_000;
const waves = [
  { share: 0.05, bakeMinutes: 30 },
  { share: 0.25, bakeMinutes: 30 },
  { share: 1, bakeMinutes: 60 },
];
const begun = (size = 50) =>
  newRollout(
    { customer: "globex", patch: "acme/echod/stable/fix@1", size },
    { waves, failureLimit: 0.05, onHalt: "undo" },
    0,
  );
const counts = (applied: number, failed: number, phases: Counts["phases"] = {}): Counts => ({
  ...noCounts,
  applied,
  failed,
  phases,
});
const change = { by: "gates", at: 0, counts: noCounts };

describe("a gate", () => {
  it("weighs failures by the lower end of Wilson's interval", () => {
    // Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 and 15 of 148
    expect(wilsonLowerBound(81, 263)).toBeCloseTo(0.2553, 4);
    expect(wilsonLowerBound(15, 148)).toBeCloseTo(0.0624, 4);
    expect(wilsonLowerBound(0, 10)).toBe(0);
  });

  it("halts from ten attempts on when the bound is above the limit, and not on bad luck alone", () => {
    expect(judge(begun(), counts(8, 1), 0)).toEqual({ do: "wait" });
    expect(judge(begun(), counts(9, 1), 0)).toEqual({ do: "wait" });
    expect(judge(begun(), counts(8, 2), 0)).toMatchObject({ do: "halt", because: "2 of 10 machines failed" });
  });

  it("halts on any failure where there are fewer machines than ten, and where a wave ended with fewer tries", () => {
    expect(judge(begun(3), counts(0, 1), 0)).toMatchObject({ do: "halt" });
    const second = openWave(begun(12), 14, change);
    const tried = counts(13, 1, { 1: { attempts: 2, failures: 1 } });
    expect(judge(second, tried, 5 * minute)).toEqual({ do: "wait" });
    expect(judge(second, tried, 30 * minute)).toMatchObject({ do: "halt" });
  });

  it("opens the next wave after the bake time, and not before half of the machines have tried", () => {
    expect(judge(begun(), counts(50, 0), 29 * minute)).toEqual({ do: "wait" });
    expect(judge(begun(), counts(24, 0), 30 * minute)).toEqual({ do: "wait" });
    expect(judge(begun(), counts(25, 0), 30 * minute)).toEqual({ do: "open" });
    expect(judge({ ...begun(), wave: 2 }, counts(50, 0), 60 * minute)).toEqual({ do: "finish" });
  });

  it("takes machines that are patched in part for neither success nor failure, but knows that they have tried", () => {
    const partly = (partial: number, applied: number, failed: number) => ({ ...counts(applied, failed), partial });
    // They hide no failure, and none of theirs halts anything
    expect(judge(begun(), partly(1000, 8, 2), 0)).toMatchObject({ do: "halt", because: "2 of 10 machines failed" });
    expect(judge(begun(), partly(1000, 0, 0), 0)).toEqual({ do: "wait" });
    expect(judge(begun(), partly(24, 0, 0), 30 * minute)).toEqual({ do: "wait" });
    expect(judge(begun(), partly(13, 12, 0), 30 * minute)).toEqual({ do: "open" });
  });

  it("sees a bad wave behind many good machines, and late trouble with a few of these is no bad wave", () => {
    const third = openWave(openWave(begun(), 250, change), 10_000, change);
    const wave = counts(3000 + 8, 4, { 2: { attempts: 12, failures: 4 } });
    expect(judge(third, wave, 0)).toMatchObject({ because: "4 of 12 machines failed in wave 3" });
    const late = counts(3000 - 12, 12, { 2: { attempts: 0, failures: 0 } });
    expect(judge(third, late, 0)).toEqual({ do: "wait" });
    const muchLate = { ...counts(2700, 300), causes: { reboot: 280, oops: 20 } };
    expect(judge(third, muchLate, 0)).toMatchObject({ because: "300 of 3000 machines failed (oops 20, reboot 280)" });
  });

  it("halts a rollout that was done, when its machines fail later", () => {
    const done = finish(begun(1000), change);
    expect(judge(done, counts(970, 30), 0)).toEqual({ do: "wait" });
    expect(judge(done, counts(930, 70), 0)).toMatchObject({ do: "halt" });
  });

  it("forgives what came before a person resumed", () => {
    const seen = counts(40, 10);
    const halted = halt(begun(), { ...change, counts: seen });
    expect(judge(halted, seen, 0)).toEqual({ do: "wait" });
    expect([halted.state, halted.undo]).toEqual(["halted", true]);
    const resumed = resume(halted, { by: "ann", at: 0, counts: seen });
    expect(judge(resumed, seen, 0)).toEqual({ do: "wait" });
    expect(judge(resumed, counts(46, 14, { 1: { attempts: 10, failures: 4 } }), 0)).toMatchObject({ do: "halt" });
  });
});

describe("a machine's place in a rollout", () => {
  it("is the same every time, spreads by share, and another for each patch", () => {
    const machines = Array.from({ length: 4000 }, (_, at) => ({ id: `m-${at}`, group: "web" }));
    const placed = machines.map((machine) => waveOf(waves, "acme/echod/stable/fix@1", machine));
    expect(placed.filter((wave) => wave === 0).length / machines.length).toBeCloseTo(0.05, 1);
    expect(placed.filter((wave) => wave <= 1).length / machines.length).toBeCloseTo(0.25, 1);
    expect(machines.map((machine) => waveOf(waves, "acme/echod/stable/fix@1", machine))).toEqual(placed);
    expect(machines.map((machine) => waveOf(waves, "acme/echod/stable/other@1", machine))).not.toEqual(placed);
  });

  it("never moves back when shares grow", () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0.01, max: 0.5, noNaN: true }), (id, share) => {
        const two = [
          { share, bakeMinutes: 0 },
          { share: 1, bakeMinutes: 0 },
        ];
        const wider = [{ share: share * 2, bakeMinutes: 0 }, ...two.slice(1)];
        const machine = { id, group: "web" };
        expect(waveOf(wider, "p", machine)).toBeLessThanOrEqual(waveOf(two, "p", machine));
      }),
    );
  });
});

describe("the watch after an apply", () => {
  const start = { appliedAt: 0, point: 0, misses: 0 };

  it("takes two missed check-ins for silence as soon as both are due, and one for bad luck", () => {
    expect(watchDue(start)).toBe(8 * minute);
    expect(lookAt(start, -1)).toMatchObject({ misses: 2, silent: true });
    const missed = lookAt(start, minute);
    expect(missed).toMatchObject({ misses: 1, silent: false });
    expect(watchDue(missed)).toBe(20 * minute);
    expect(lookAt(missed, minute)).toMatchObject({ misses: 2, silent: true });
    expect(lookAt(missed, 15 * minute)).toMatchObject({ misses: 1, silent: false });
  });

  it("looks at a machine that keeps its check-ins twice, and then no more", () => {
    const once = lookAt(start, 5 * minute);
    expect(watchDue(once)).toBe(74 * minute);
    const twice = lookAt(once, 60 * minute);
    expect(twice).toMatchObject({ misses: 0, silent: false });
    expect(watchDue(twice)).toBeNull();
  });
});
