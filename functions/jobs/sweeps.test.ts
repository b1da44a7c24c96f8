import { afterAll, beforeAll, expect, test } from "vitest";
import { startPortal, type TestPortal } from "../../test/support/portal.ts";
import { newRollout } from "../domain/rollout.ts";
import type { Machine } from "../stores/machines.ts";
import { rowsPerRun, sweepSilence } from "./fleet-silence.ts";
import { machinesPerRun, runSweeps } from "./sweeps.ts";

const stream = "acme/echod/stable";
const fix = `${stream}/bounds-check@1`;
const count = 120_000;
let clock = Date.UTC(2026, 0, 1);
let portal: TestPortal;
beforeAll(async () => {
  portal = await startPortal({ now: () => new Date(clock) });
  await portal.patch(fix);
});
afterAll(() => portal?.stop());

/** A customer with very many machines: two of three run what the patch is for. `read` says how many a run has read. */
function hugeFleet(one: Machine) {
  const counted = { read: 0 };
  const machine = (at: number): Machine => ({
    ...one,
    machine: `m-${String(at).padStart(9, "0")}`,
    ...(at % 3 === 0 && { facts: { ...one.facts, builds: [] } }),
  });
  const { machines } = portal.stores;
  return {
    counted,
    machines: {
      ...machines,
      listByCustomer(customer: string, { limit = 100, cursor = "0" } = {}) {
        if (customer !== "huge") return machines.listByCustomer(customer, { limit });
        const from = Number(cursor);
        const size = Math.min(limit, count - from);
        counted.read += size;
        const items = Array.from({ length: size }, (_, at) => machine(from + at));
        return Promise.resolve({ items, ...(from + size < count && { cursor: String(from + size) }) });
      },
    },
  };
}

test("the machines of a wave are counted over several runs, none of which reads a whole fleet, and a small customer waits for no large one", async () => {
  const { rollouts, machines } = portal.stores;
  const waves = [{ share: 1, bakeMinutes: 30 }];
  for (const customer of ["huge", "small"]) {
    await portal.customer(customer, [stream]);
    const policy = { waves, failureLimit: 0.05, onHalt: "undo" as const };
    await rollouts.create(newRollout({ customer, patch: fix, size: null }, policy, clock));
  }
  const machine = await portal.machine("small", { hostname: "only" });
  const one = await machines.get(machine.id);
  if (one === undefined) throw new Error("the machine is there");
  const fleet = hugeFleet(one);
  const sizes = async () => [(await rollouts.get("small", fix))?.size, (await rollouts.get("huge", fix))?.size];
  const deps = { ...portal.fleetJob(), ...portal.stores, machines: fleet.machines, now: () => clock };
  const reads: number[] = [];
  do {
    fleet.counted.read = 0;
    await runSweeps(deps);
    reads.push(fleet.counted.read);
    if (reads.length === 1) expect(await sizes()).toEqual([1, null]);
  } while ((await sizes())[1] === null && reads.length < 10);
  expect(await sizes()).toEqual([1, (count / 3) * 2]);
  expect(Math.max(...reads)).toBeLessThanOrEqual(machinesPerRun + 500);
  expect(reads).toHaveLength(3);
  fleet.counted.read = 0;
  await runSweeps(deps);
  expect(fleet.counted.read).toBe(0);
});

test("silence is looked for over several runs, from where the last one ended, and then not before it is time", async () => {
  clock += 100 * 24 * 3_600_000;
  const asked: (string | undefined)[] = [];
  const machines = {
    ...portal.stores.machines,
    listUnseen(_before: number, { cursor = "0", limit = 0 } = {}) {
      asked.push(cursor);
      const next = Number(cursor) + limit;
      return Promise.resolve({ items: [], ...(next < 1_000_000 && { cursor: String(next) }) });
    },
  };
  const deps = { ...portal.fleetJob(), machines, now: () => clock };
  let runs = 0;
  for (let isDone = false; !isDone; runs++) {
    const before = asked.length;
    ({ isDone } = await sweepSilence(deps));
    expect((asked.length - before) * 1000).toBeLessThanOrEqual(rowsPerRun);
  }
  expect([runs, asked.length]).toEqual([50, 1000]);
  expect(new Set(asked).size).toBe(1000);
  expect(await sweepSilence(deps)).toEqual({ found: 0, isDone: true });
  expect(asked).toHaveLength(1000);
});
