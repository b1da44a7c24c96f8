import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { conditions, type PatchStatus } from "../../functions/domain/status.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { exposureOf, type FleetChange, type IndexedMachine, severities } from "../../functions/stores/fleet/rows.ts";
import { fleetStore } from "../../functions/stores/fleet.ts";
import { outcomesStore } from "../../functions/stores/outcomes.ts";
import { collect } from "../../functions/stores/page.ts";
import { openTable } from "../../functions/stores/table.ts";
import { tables } from "../../functions/stores/tables.ts";
import { now, unique } from "./stores-data.ts";

const statuses: readonly PatchStatus[] = ["applied", "failed", "to-apply", "report-only", "undone"];
const standings = (patches: number, { least = 0, detail = 0, long = 0 } = {}) =>
  fc
    .array(fc.tuple(fc.constantFrom(...statuses), fc.constantFrom(...severities), fc.nat(3)), {
      minLength: least,
      maxLength: patches,
      size: "max",
    })
    .map((all): IndexedMachine["standings"] =>
      Object.fromEntries(
        all.map(([status, severity, at], index) => [
          `v/srv/stable/fix-${index}${long === 0 ? "" : randomBytes(long / 2).toString("hex")}@1`,
          { status, severity, detail: randomBytes(detail / 2).toString("hex"), ...(at > 0 && { at: now + at }) },
        ]),
      ),
    );
const machine = fc.record({
  id: fc.nat(5),
  hostname: fc.constantFrom("one", "two"),
  group: fc.constantFrom("web", "db"),
  condition: fc.constantFrom(...conditions),
  standings: fc.oneof(standings(3), standings(160)),
  leaves: fc.boolean(),
});

/** What the store of the fleet's index promises, and of counters that many write. */
export function fleetContract(dynamo: () => Dynamo) {
  const indexed = (customer: string, id: string, more: Partial<IndexedMachine>): IndexedMachine => ({
    customer,
    machine: id,
    hostname: "h",
    group: "web",
    os: "linux",
    kernel: "6.12",
    condition: "idle",
    standings: {},
    isSilent: false,
    seenAt: now,
    revision: 1,
    ...more,
  });

  test("whatever changes of however many patches, every write fits and rows and counts agree after it", async () => {
    const fleet = fleetStore(dynamo());
    await fc.assert(
      fc.asyncProperty(fc.array(machine, { minLength: 1, maxLength: 4 }), async (said) => {
        const customer = unique("c");
        const ids = Array.from({ length: 6 }, (_, at) => `m-${at}`);
        const expected = new Map<string, IndexedMachine>();
        for (const { id, leaves, ...more } of said) {
          const name = ids[id] ?? "";
          const before = await fleet.get(customer, name);
          if (leaves && before === undefined) continue;
          const after = indexed(customer, name, leaves && before !== undefined ? before : more);
          expect(await fleet.move(customer, [{ before, after, took: [], ...(leaves && { leaves }) }])).toEqual([]);
          if (leaves) expected.delete(name);
          else expected.set(name, after);
        }
        const rows = await collect((page) => fleet.list(customer, {}, page));
        const byId = new Map(rows.map((row) => [row.machine, row]));
        expect([...byId.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [id, { revision: _, seenAt: _seen, ...row }] of expected) expect(byId.get(id)).toMatchObject(row);
        await agree(fleet, customer, rows);
      }),
      { numRuns: 8, seed: 17 },
    );
  });

  test("a host that names hundreds of patches in long words has a row, and what is open on it is counted", async () => {
    const fleet = fleetStore(dynamo());
    const customer = unique("c");
    const [huge] = fc.sample(standings(700, { least: 700, detail: 2000, long: 200 }), { numRuns: 1, seed: 3 });
    const after = indexed(customer, "m-huge", { standings: huge ?? {} });
    expect(await fleet.move(customer, [{ before: undefined, after, took: [] }])).toEqual([]);
    const rows = await collect((page) => fleet.list(customer, {}, page));
    expect(rows.map(exposureOf)).toEqual([exposureOf(after)]);
    await agree(fleet, customer, rows);
  });

  test("many machines are written in as few transactions as take them, and one that was changed meanwhile is named", async () => {
    const fleet = fleetStore(dynamo());
    const customer = unique("c");
    const changes = Array.from({ length: 120 }, (_, at): FleetChange => {
      const [some] = fc.sample(standings(at % 7 === 0 ? 60 : 2), { numRuns: 1, seed: at });
      return { before: undefined, after: indexed(customer, `m-${at}`, { standings: some ?? {} }), took: [] };
    });
    expect(await fleet.move(customer, changes)).toEqual([]);
    // Told again from the same "before", each was changed meanwhile
    expect(new Set(await fleet.move(customer, changes.slice(0, 3)))).toEqual(new Set(["m-0", "m-1", "m-2"]));
    await agree(fleet, customer, await collect((page) => fleet.list(customer, {}, page)));
  });

  test("counts add up however many write them at once", async () => {
    const ref = { customer: unique("c"), patch: `${unique("v")}/srv/stable/fix@1` };
    const reports = Array.from({ length: 90 }, (_, at) => ({
      machine: `m-${at}`,
      receipt: 1,
      outcome: "applied" as const,
      cause: "applied",
    }));
    const writers = [0, 1, 2].map(() => outcomesStore(dynamo()));
    await Promise.all(
      writers.map((outcomes, at) => outcomes.record(ref, reports.slice(30 * at, 30 * at + 30), { now, phase: 0 })),
    );
    expect((await outcomesStore(dynamo()).counts(ref)).applied).toBe(90);
    const fleet = fleetStore(dynamo());
    for (let at = 0; at < 12; at++) {
      const after = indexed(ref.customer, `m-${at}`, { condition: "silent" });
      expect(await fleet.move(ref.customer, [{ before: undefined, after, took: [] }])).toEqual([]);
    }
    const other = fleetStore(dynamo());
    await expect.poll(async () => (await other.inCondition("silent", [ref.customer])).get(ref.customer)).toBe(12);
  });

  test("hundreds of rows are read at once, in the order of their keys, each once", async () => {
    const table = openTable<{ owner: string; view: string; terms: string }>(dynamo(), tables.views);
    const owner = unique("o");
    const keys = Array.from({ length: 250 }, (_, at) => ({ owner, view: `v-${at}` }));
    for (const key of keys) await table.put({ ...key, terms: "x" });
    const read = await table.getMany([...keys, ...keys.slice(0, 20), { owner, view: "none" }], { consistent: true });
    expect(read.map(({ view }) => view)).toEqual(keys.map(({ view }) => view));
  });
}

/** The counts are those of the rows, and every patch's machines are listed. */
async function agree(fleet: ReturnType<typeof fleetStore>, customer: string, rows: readonly IndexedMachine[]) {
  const tally = (names: readonly (string | undefined)[]) =>
    Object.fromEntries(
      [...Map.groupBy(names, (name) => name)].flatMap(([name, of]) => (name === undefined ? [] : [[name, of.length]])),
    );
  const counts = await fleet.counts(customer);
  expect(counts.conditions).toEqual(tally(rows.map(({ condition }) => condition)));
  expect(counts.groups).toEqual(tally(rows.map(({ group }) => group)));
  expect(counts.exposed).toEqual(tally(rows.map(exposureOf)));
  const patches = new Set(rows.flatMap(({ standings }) => Object.keys(standings)));
  for (const patch of [...patches].slice(0, 3)) {
    const of = rows.flatMap(({ standings }) => standings[patch] ?? []);
    expect(counts.patches.get(patch)?.statuses).toEqual(tally(of.map(({ status }) => status)));
    const listed = await collect((page) => fleet.machinesOf(customer, patch, page));
    const named = rows.filter(({ standings }) => patch in standings);
    expect(listed.map(({ hostname }) => hostname).sort()).toEqual(named.map(({ hostname }) => hostname).sort());
  }
}
