import { afterAll, beforeAll, expect, test } from "vitest";
import { startPortal, type TestPortal } from "../../test/support/portal.ts";
import type { FleetCounts } from "../stores/fleet/counts.ts";
import { exposureOf, type IndexedMachine } from "../stores/fleet/rows.ts";
import { collect } from "../stores/page.ts";
import { indexFleet } from "./fleet.ts";
import { sweepSilence } from "./fleet-silence.ts";

const hour = 3_600_000;
const stream = "acme/echod/stable";
const fix = `${stream}/bounds-check@1`;
const later = `${stream}/greeting@2`;

let clock = Date.UTC(2026, 0, 1);
let portal: TestPortal;
beforeAll(async () => {
  portal = await startPortal({ now: () => new Date(clock) });
  await portal.patch(fix, { severity: "critical" });
  await portal.patch(later, { severity: "low" });
});
afterAll(() => portal?.stop());

const all = (customer: string) => collect((page) => portal.stores.fleet.list(customer, {}, page));

/** What the counts must be, counted from the rows. */
function countedFrom(machines: readonly IndexedMachine[]): Pick<FleetCounts, "conditions" | "exposed" | "groups"> {
  const count = (names: readonly (string | undefined)[]) =>
    Object.fromEntries(
      [...Map.groupBy(names, (name) => name)].flatMap(([name, of]) => (name === undefined ? [] : [[name, of.length]])),
    );
  return {
    conditions: count(machines.map(({ condition }) => condition)),
    exposed: count(machines.map(exposureOf)),
    groups: count(machines.map(({ group }) => group)),
  };
}

test("the counts are the rows', whatever is said twice, late or by two at once", async () => {
  await portal.customer("globex", [stream]);
  const machines = await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      portal.machine("globex", { hostname: `web-${at}`, group: at % 3 ? "web" : "db" }),
    ),
  );
  const ids = machines.map(({ id }) => id);
  const deps = portal.fleetJob();
  clock += hour;
  for (const [at, machine] of machines.entries()) {
    if (at % 2) await machine.report(fix, "applied");
    if (at % 4 === 0) await machine.report(later, "failed");
  }
  await Promise.all([
    indexFleet(ids, deps),
    indexFleet([...ids, ...ids.slice(3)].reverse(), deps),
    indexFleet(ids, deps),
  ]);

  const rows = await all("globex");
  const counts = await portal.stores.fleet.counts("globex");
  expect(counts).toMatchObject(countedFrom(rows));
  expect(rows).toHaveLength(12);
  expect(counts.patches.get(fix)).toMatchObject({ statuses: { applied: 6, "to-apply": 6 } });
  // An hour is the 24th quarter of a doubling
  expect([...(counts.patches.get(fix)?.took ?? [])]).toEqual([[23, 6]]);
  expect(counts.patches.get(later)?.statuses).toEqual({ failed: 3, "to-apply": 9 });
  const failed = await portal.stores.fleet.machinesOf("globex", later, { status: "failed" });
  expect(failed.items.map(({ hostname }) => hostname).sort()).toEqual(["web-0", "web-4", "web-8"]);
});

test("a list is narrowed, sorted and read page by page, and every machine is on one page", async () => {
  await portal.customer("pages", [stream]);
  for (const [at, group] of ["a", "b", "a", "b", "a", "a", "b"].entries()) {
    await portal.machine("pages", { hostname: `Host-${at}`, group });
  }
  const { fleet } = portal.stores;
  const names = (items: readonly IndexedMachine[]) => items.map(({ hostname }) => hostname);
  const first = await fleet.list("pages", { condition: "moving", group: "a" }, { limit: 3 });
  expect(names(first.items)).toEqual(["Host-0", "Host-2", "Host-4"]);
  const second = await fleet.list("pages", { condition: "moving", group: "a" }, { limit: 3, cursor: first.cursor });
  expect([names(second.items), second.cursor]).toEqual([["Host-5"], undefined]);
  expect(names((await fleet.list("pages", { begins: "HOST-6" })).items)).toEqual(["Host-6"]);
  expect(names((await fleet.list("pages", { exposed: "critical", group: "b" })).items)).toEqual([
    "Host-1",
    "Host-3",
    "Host-6",
  ]);
  expect(names((await fleet.list("pages", { exposed: "critical", group: "b", begins: "host-3" })).items)).toEqual([
    "Host-3",
  ]);
  expect(names((await fleet.list("pages", { exposed: "critical", begins: "host-3" })).items)).toEqual(["Host-3"]);
  expect((await fleet.list("pages", { exposed: "critical", condition: "moving" })).items).toHaveLength(7);
  expect((await fleet.list("pages", { exposed: "critical" })).items).toHaveLength(7);
  expect((await fleet.list("pages", { exposed: "low" })).items).toHaveLength(0);
});

test("a machine that says the same again moves nothing but the time at which it was seen", async () => {
  await portal.customer("calm", [stream]);
  const machine = await portal.machine("calm", { hostname: "same" });
  const before = await portal.stores.fleet.counts("calm");
  const moves: unknown[] = [];
  const { fleet } = portal.stores;
  const counted = {
    ...fleet,
    move(...args: Parameters<typeof fleet.move>) {
      moves.push(args);
      return fleet.move(...args);
    },
  };
  clock += hour;
  const { facts, patches = [] } = (await portal.stores.machines.get(machine.id)) ?? {};
  if (facts === undefined) throw new Error("the machine is not there");
  await portal.stores.machines.checkIn(machine.id, { counter: 99, bodyHash: "", at: clock, facts, patches });
  await indexFleet([machine.id], { ...portal.fleetJob(), fleet: counted });
  expect(await all("calm")).toMatchObject([{ hostname: "same", seenAt: clock }]);
  expect((await fleet.list("calm", {}, { by: "seen" })).items).toHaveLength(1);
  expect([moves, await fleet.counts("calm")]).toEqual([[], before]);
});

test("a machine that falls silent is found by the job that looks for silence, once", async () => {
  await portal.customer("quiet", [stream]);
  const machine = await portal.machine("quiet", { hostname: "gone", builds: [] });
  clock += 31 * hour;
  const deps = portal.fleetJob();
  await sweepSilence(deps);
  expect(await all("quiet")).toMatchObject([{ machine: machine.id, condition: "silent" }]);
  clock += 4 * hour;
  expect((await sweepSilence(deps)).found).toBe(0);
  expect((await portal.stores.fleet.counts("quiet")).conditions).toEqual({ silent: 1 });
  clock += hour;
  await portal.machine("quiet", { hostname: "a-later-one", builds: [] });
  clock += 31 * hour;
  await sweepSilence(deps);
  await portal.machine("quiet", { hostname: "well", builds: [] });
  const silent = await portal.stores.fleet.list("quiet", { condition: "silent" }, { by: "seen" });
  expect(silent.items.map(({ hostname }) => hostname)).toEqual(["gone", "a-later-one"]);
});

test("a machine that is retired, by a word or by 90 days of silence, leaves every list and count, and one that comes back is there again", async () => {
  await portal.customer("leavers", [stream]);
  const told = await portal.machine("leavers", { hostname: "told" });
  await portal.machine("leavers", { hostname: "forgotten" });
  await told.report(fix, "applied");
  const deps = portal.fleetJob();
  const { machines, fleet } = portal.stores;
  await machines.retire({ machine: told.id, customer: "leavers", at: clock, by: "itself" });
  await indexFleet([told.id], deps);
  expect(await all("leavers")).toMatchObject([{ hostname: "forgotten" }]);
  expect((await fleet.machinesOf("leavers", fix)).items).toMatchObject([{ hostname: "forgotten" }]);
  expect((await fleet.counts("leavers")).patches.get(fix)?.statuses).toEqual({ "to-apply": 1 });

  const { facts, patches = [] } = (await machines.get(told.id)) ?? {};
  if (facts === undefined) throw new Error("the machine is not there");
  await machines.checkIn(told.id, { counter: 5, bodyHash: "", at: clock, facts, patches });
  await indexFleet([told.id], deps);
  expect((await fleet.counts("leavers")).patches.get(fix)?.statuses).toEqual({ applied: 1, "to-apply": 1 });

  clock += 40 * hour;
  await sweepSilence(deps);
  clock += 91 * 24 * hour;
  expect((await sweepSilence(deps)).found).toBeGreaterThanOrEqual(2);
  expect(await all("leavers")).toEqual([]);
  expect(await fleet.counts("leavers")).toMatchObject({ conditions: {}, exposed: {}, groups: {} });
});

test("of a machine whose row has expired no word on a patch is left, and what it was counted as is", async () => {
  await portal.customer("expired", [stream]);
  const machine = await portal.machine("expired", { hostname: "long-gone" });
  await machine.report(fix, "applied");
  const { machines, states, outcomes, receipts } = portal.stores;
  const ref = { customer: "expired", patch: fix };
  await outcomes.record(ref, [{ machine: machine.id, receipt: 1, outcome: "applied", cause: "applied" }], {
    now: clock,
    phase: 0,
  });
  await indexFleet([machine.id], portal.fleetJob());
  expect((await states.listByMachine(machine.id)).items).toHaveLength(1);

  const gone = { get: () => Promise.resolve(undefined), enrolled: () => Promise.resolve(undefined) };
  await indexFleet([machine.id], { ...portal.fleetJob(), machines: { ...machines, ...gone } });
  expect((await states.listByMachine(machine.id)).items).toEqual([]);
  expect((await outcomes.list(ref)).items).toHaveLength(1);
  expect((await receipts.listByMachine(machine.id)).items).toHaveLength(1);
});

test("a machine whose 110 patches all change at once, by its group's mode or by its name, is written, and counted", async () => {
  const many = "acme/many/stable";
  const ids = Array.from({ length: 110 }, (_, at) => `${many}/fix-${at}@1`);
  await Promise.all(ids.map((id) => portal.patch(id)));
  await portal.customer("initech", [many]);
  const machine = await portal.machine("initech", { hostname: "one" });
  const statuses = async () => {
    const counts = await portal.stores.fleet.counts("initech");
    return new Set([...counts.patches.values()].map((each) => JSON.stringify(each.statuses)));
  };
  expect(await statuses()).toEqual(new Set(['{"to-apply":1}']));
  await portal.stores.customers.setGroup("initech", "web", { mode: "report" });
  await machine.index();
  expect(await statuses()).toEqual(new Set(['{"report-only":1}']));

  const said = await portal.stores.machines.get(machine.id);
  if (said === undefined) throw new Error("the machine is not there");
  const facts = { ...said.facts, hostname: "renamed" };
  await portal.stores.machines.checkIn(machine.id, { counter: 9, bodyHash: "", at: clock, facts, patches: [] });
  await machine.index();
  expect(await all("initech")).toMatchObject([{ hostname: "renamed" }]);
  const named = await Promise.all(ids.map((id) => portal.stores.fleet.machinesOf("initech", id)));
  expect(named.every(({ items }) => items.length === 1 && items[0]?.hostname === "renamed")).toBe(true);
});

test("how long a patch took is counted once for a machine, however often it is undone and applied again", async () => {
  const own = "acme/once/stable";
  const id = `${own}/fix@1`;
  await portal.patch(id);
  await portal.customer("again", [own]);
  const machine = await portal.machine("again", { hostname: "one" });
  for (const code of ["applied", "undone", "failed", "applied", "undone", "applied"] as const) {
    clock += hour;
    await machine.report(id, code, { action: code === "undone" ? "undo" : "apply" });
  }
  const { took, statuses } = (await portal.stores.fleet.counts("again")).patches.get(id) ?? {};
  expect(statuses).toEqual({ applied: 1 });
  expect([...(took ?? [])].map(([, count]) => count)).toEqual([1]);
});
