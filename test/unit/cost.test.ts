import { describe, expect, it } from "vitest";
import { billOf, type Fleet, floodCeiling, sumOf } from "../../bench/cost/bill.ts";
import { type MachineMonth, machineMonth } from "../../bench/cost/month.ts";
import { stages } from "../../infra/stage.ts";

const fleet: Fleet = {
  machines: 1_000_000,
  customers: 1000,
  vendors: 50,
  publishes: 20,
  recordBytes: 2_500,
  bundleBytes: 20_000,
};
const dollars = (machine: MachineMonth, more: Partial<Fleet> = {}) => sumOf(billOf(machine, { ...fleet, ...more }));

describe("what a month costs", async () => {
  const hourly = await machineMonth({ interval: 3600, patches: 4, vendors: 50, builds: 120 });

  it("is counted from a month that really was played: a poll each hour, a check-in a day and four after each patch", () => {
    expect(hourly.polls).toBeGreaterThan(650);
    expect(hourly.polls).toBeLessThan(720);
    expect(hourly.checkIns).toBeGreaterThan(30 + 4 * hourly.reports - 5);
    expect(hourly.checkIns).toBeLessThan(80);
    expect(hourly.reports).toBeGreaterThan(0);
    expect(hourly.units.writeUnits).toBeGreaterThanOrEqual(hourly.checkIns);
    // What a machine reads of a patch comes with its plan
    expect(hourly.publicReads).toBe(0);
  });

  it("of a poll without news is no table's: only check-ins and reports write", async () => {
    const idle = await machineMonth({ interval: 7200, patches: 0, vendors: 50, builds: 1 });
    expect(idle.checkIns).toBeLessThanOrEqual(31);
    // A check-in writes a row; what the machine says, which is always the same, is written once
    expect(idle.units.writeUnits).toBe(idle.checkIns + 2);
    // And the fleet's index as often as the machine stands otherwise, which is never
    expect(idle.index.units.writeUnits).toBeLessThan(idle.index.looks);
    expect(idle.rollouts.writeUnits).toBe(0);
  });

  it("grows with the machines and no faster", () => {
    expect(dollars(hourly, { machines: 10_000_000 })).toBeLessThan(10 * dollars(hourly));
  });

  it.each(stages)("of a flood without any credential is capped in $name, whatever is sent", (stage) => {
    const ceiling = floodCeiling(stage);
    expect(ceiling).toBeLessThan(stage.name === "prod" ? 6_000 : 600);
    // The caps are what bounds it: twice the cap, twice the ceiling
    const doubled = { agentConcurrency: 2 * stage.agentConcurrency, apiRate: 2 * stage.apiRate };
    expect(floodCeiling(doubled)).toBeCloseTo(2 * ceiling, 6);
  });
});
