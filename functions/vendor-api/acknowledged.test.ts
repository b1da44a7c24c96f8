import { expect, it } from "vitest";
import type { Progress } from "../stores/progress.ts";
import { acknowledgedIn, machinesPerPlan } from "./acknowledged.ts";

it("plans for very many hosts name all of them in turn, and none reads more machines than a request may", async () => {
  const count = 12_000;
  let read = 0;
  let progress: Progress | undefined;
  const machines = {
    listByCustomer(_customer: string, { limit = 100, cursor = "0" } = {}) {
      const from = Number(cursor);
      const size = Math.min(limit, count - from);
      read += size;
      const items = Array.from({ length: size }, (_, at) => ({ machine: `m-${from + at}`, group: "web" }));
      return Promise.resolve({ items, ...(from + size < count && { cursor: String(from + size) }) });
    },
  };
  const deps = {
    machines,
    receipts: { listByMachine: () => Promise.resolve({ items: [{ sequence: 7 }] }) },
    progress: {
      read: () => Promise.resolve({ progress, revision: 0 }),
      save(_job: string, next: Progress) {
        progress = next;
        return Promise.resolve(true);
      },
    },
    now: () => new Date(0),
  } as unknown as Parameters<typeof acknowledgedIn>[2];
  const named = new Set<string>();
  for (let plan = 0; plan < 3; plan++) {
    read = 0;
    for (const machine of Object.keys((await acknowledgedIn("globex", "web", deps)) ?? {})) named.add(machine);
    expect(read).toBeLessThanOrEqual(machinesPerPlan);
  }
  expect(named.size).toBe(count);
  // The next one begins anew, and a group without machines is none only where all were looked at
  expect(progress?.cursor).toBeUndefined();
  expect(await acknowledgedIn("globex", "none", deps)).toEqual({});
});
