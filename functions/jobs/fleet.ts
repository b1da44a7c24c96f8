import { isDeepStrictEqual } from "node:util";
import { SutureError } from "../../protocol/errors.ts";
import { presenceOf } from "../control.ts";
import { livenessOf } from "../domain/liveness.ts";
import { conditionOf, isPatched, isSilent } from "../domain/status.ts";
import { type PlanInputsCache, streamsOf } from "../plan-inputs.ts";
import { type Standing, standingsOf } from "../standing.ts";
import type { ChangesStore } from "../stores/changes.ts";
import type { FleetChange, IndexedMachine, Severity } from "../stores/fleet/rows.ts";
import { fitted, shortDetail } from "../stores/fleet/rows.ts";
import type { FleetStore } from "../stores/fleet.ts";
import type { Machine, MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { StatesStore } from "../stores/states.ts";
import type { TableChange } from "../stores/streams.ts";
import { consumers } from "./consumers.ts";

export type FleetDeps = {
  machines: MachinesStore;
  states: StatesStore;
  patches: PatchesStore;
  fleet: FleetStore;
  changes: ChangesStore;
  /** kept from one batch to the next */
  inputs: PlanInputsCache;
  /** milliseconds since the epoch */
  now: () => number;
};

/** Machines that are looked at at once: each is three reads. */
const together = 16;
const attempts = 10;

/** The machines that a batch of changes says something about. */
export function machinesIn(batch: readonly TableChange[]): string[] {
  const found = batch.flatMap(({ table, keys }) =>
    consumers.fleet.follows.some((name) => name === table) ? [String(keys.machine)] : [],
  );
  return [...new Set(found)];
}

/**
 * Brings the fleet's index up to how these machines stand now. What it is told twice or late changes nothing, for it reads the tables
 * themselves; a machine that two runs look at is written by one, and looked at again by the other.
 * @throws SutureError `unavailable` where a machine changes faster than it can be written
 */
export async function indexFleet(machines: readonly string[], deps: FleetDeps): Promise<void> {
  const { inputs } = deps;
  const record = await deps.changes.read({ consistent: true });
  const live = new Map<string, Promise<number | undefined>>();
  const distinct = [...new Set(machines)];
  for (let at = 0; at < distinct.length; at += together) {
    let left = distinct.slice(at, at + together);
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === attempts) throw new SutureError("unavailable", "The fleet is being written by too many at once");
      const found = await Promise.all(left.map(changeOf));
      const changes = found.filter((change) => change !== undefined);
      left = await write(changes, deps.fleet);
    }
  }

  async function changeOf(id: string): Promise<FleetChange | undefined> {
    const machine = await deps.machines.get(id);
    if (machine === undefined) {
      // What it said may expire a little before it does. Its receipts and what it was counted as stay: they are evidence
      if ((await deps.machines.enrolled(id)) === undefined) await deps.states.forget(id);
      return undefined;
    }
    const now = deps.now();
    if (livenessOf(presenceOf(machine), now / 1000) === "retired")
      return leaving(await deps.fleet.get(machine.customer, id));
    const [states, account, before] = await Promise.all([
      collect((page) => deps.states.listByMachine(id, page)),
      inputs.account(machine.customer, record),
      deps.fleet.get(machine.customer, id),
    ]);
    const known = [
      ...machine.patches,
      ...states.map(({ patchId, state, at }) => ({ patch: patchId, state, since: at })),
    ];
    const patches = await inputs.patches(streamsOf(account, known), record);
    const severities = new Map(patches.map(({ id: patch, manifest }) => [patch, manifest.severity]));
    const standings = standingsOf(machine, states, { ...account, patches }, now);
    const after = indexedMachine(machine, standings, severities, before?.revision ?? 0, now);
    for (const [patch, standing] of Object.entries(after.standings))
      if (wasCounted(before, patch) && !tellsOfApply(standing.status)) standing.counted = true;
    const arrived = standings.filter(
      ({ patch, status, at }) =>
        at !== undefined && isPatched(status) && !wasCounted(before, patch) && patch in after.standings,
    );
    const took = await Promise.all(
      arrived.map(async ({ patch, at = 0 }) => {
        const liveAt = await liveSince(patch);
        // A machine that came later was exposed from its first day on
        return liveAt === undefined ? [] : [{ patch, millis: at - Math.max(liveAt, machine.enrolledAt) }];
      }),
    );
    if (before !== undefined && isTold(before, after)) return undefined;
    return { before, after, took: took.flat() };
  }

  function liveSince(patch: string): Promise<number | undefined> {
    const found = live.get(patch) ?? deps.patches.get(patch).then((record) => record?.liveAt);
    live.set(patch, found);
    return found;
  }
}

/** Takes a machine that is retired out of the index. */
function leaving(before: IndexedMachine | undefined): FleetChange | undefined {
  if (before === undefined) return undefined;
  return { before, after: { ...before, revision: before.revision + 1 }, took: [], leaves: true };
}

/** @returns the machines to look at again */
async function write(changes: readonly FleetChange[], fleet: FleetStore): Promise<string[]> {
  const again: string[] = [];
  for (const [customer, group] of Map.groupBy(changes, ({ after }) => after.customer))
    again.push(...(await fleet.move(customer, group)));
  return again;
}

/**
 * A machine as the index keeps it.
 * @param severities of the patches, by id
 * @param revision what the index has of it; 0 for nothing
 * @param now milliseconds since the epoch
 */
export function indexedMachine(
  machine: Machine,
  standings: readonly Standing[],
  severities: ReadonlyMap<string, Severity>,
  revision: number,
  now: number,
): IndexedMachine {
  const { customer, group, facts, seenAt } = machine;
  const statuses = standings.map(({ status }) => status);
  return fitted({
    customer,
    machine: machine.machine,
    hostname: facts.hostname,
    group,
    os: facts.os,
    kernel: facts.kernel,
    condition: conditionOf(statuses, { ...facts, seenAt }, now),
    standings: Object.fromEntries(
      standings
        .filter(concerns)
        .map(({ patch, ...standing }) => [
          patch,
          { severity: severities.get(patch) ?? "low", ...standing, detail: shortDetail(standing.detail) },
        ]),
    ),
    isSilent: isSilent(seenAt, now),
    seenAt,
    revision: revision + 1,
  });
}

/** A patch for something that does not run there is no business of the machine's, and there may be hundreds. */
function concerns({ status }: Standing): boolean {
  return status !== "no-variant" && status !== "not-entitled";
}

/** Whether only the time has changed, which lists read elsewhere. */
function isTold(before: IndexedMachine, after: IndexedMachine): boolean {
  return isDeepStrictEqual({ ...before, seenAt: after.seenAt, revision: after.revision }, after);
}

/** Whether a patch was applied before, whatever became of it since: to apply it again took no time that anybody waited for. */
function wasCounted(before: IndexedMachine | undefined, patch: string): boolean {
  const known = before?.standings[patch];
  return known !== undefined && (known.counted === true || tellsOfApply(known.status));
}

function tellsOfApply(status: Standing["status"]): boolean {
  return isPatched(status) || status === "undone";
}
