import { stages } from "../../infra/stage.ts";
import type { Figure } from "../figure.ts";
import { billOf, type Fleet, floodCeiling, sumOf } from "./bill.ts";
import { type MachineMonth, machineMonth, type Scenario } from "./month.ts";
import { prices } from "./prices.ts";

const usual: Scenario = { interval: 3600, patches: 4, vendors: 50, builds: 120 };
const fleet: Fleet = {
  machines: 1_000_000,
  customers: 1000,
  vendors: 50,
  publishes: 20,
  recordBytes: 2_500,
  bundleBytes: 20_000,
};

/** Dollars a month for a million machines, line by line, and how they grow. */
export async function costFigures(): Promise<Figure[]> {
  const hourly = await machineMonth(usual);
  const quarter = await machineMonth({ ...usual, interval: 900 });
  const patched = await machineMonth({ ...usual, patches: 16 });
  const many = await machineMonth({ ...usual, vendors: 1000 });
  const small = await machineMonth({ ...usual, builds: 30 });
  tell("1,000,000 machines, one poll an hour", hourly, fleet);
  tell("1,000,000 machines, one poll in 15 minutes", quarter, fleet);
  const base = sumOf(billOf(hourly, fleet));
  const figure = (name: string, value: number, anchor: string): Figure => ({
    name: `cost.${name}`,
    value: Math.round(value),
    unit: "$/month",
    versus: "a million machines hourly",
    ratio: Math.round((value / base) * 100) / 100,
    anchor,
  });
  const prod = stages.find(({ name }) => name === "prod");
  return [
    figure("hourly", base, `goal <= 200; list prices of ${prices.date}, ${prices.region}`),
    figure("quarterHourly", sumOf(billOf(quarter, fleet)), "goal <= 800"),
    figure("hourly.10MMachines", sumOf(billOf(hourly, { ...fleet, machines: 10_000_000 })), "ten times the machines"),
    figure("hourly.16Patches", sumOf(billOf(patched, fleet)), "four times the patches"),
    figure(
      "hourly.1000Vendors",
      sumOf(billOf(many, { ...fleet, vendors: 1000, recordBytes: 25_000 })),
      "twenty times the vendors",
    ),
    figure(
      "hourly.20000Customers",
      sumOf(billOf(hourly, { ...fleet, customers: 20_000, recordBytes: 25_000 })),
      "twenty times the customers",
    ),
    figure("hourly.30Builds", sumOf(billOf(small, fleet)), "hosts with a quarter of the running builds"),
    figure("floodCeiling", prod === undefined ? Number.NaN : floodCeiling(prod), "a month of flood at prod's caps"),
  ];
}

function tell(title: string, machine: MachineMonth, of: Fleet): void {
  console.log(
    `${title}: a machine polls ${machine.polls}, checks in ${machine.checkIns}, reports ${machine.reports} times`,
  );
  for (const [line, dollars] of Object.entries(billOf(machine, of))) {
    console.log(`  ${line.padEnd(24)} ${dollars.toFixed(2).padStart(10)} $`);
  }
}
