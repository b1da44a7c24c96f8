import { exportJWK, generateKeyPair } from "jose";
import { isOnHost } from "../../../functions/domain/status.ts";
import type { PlannedPatch } from "../../../functions/domain/verdict.ts";
import { indexedMachine } from "../../../functions/jobs/fleet.ts";
import { PlanInputsCache } from "../../../functions/plan-inputs.ts";
import { standingsOf } from "../../../functions/standing.ts";
import type { Dynamo } from "../../../functions/stores/dynamo.ts";
import type { IndexedMachine } from "../../../functions/stores/fleet/rows.ts";
import { fleetStore } from "../../../functions/stores/fleet.ts";
import type { Enrolled, Machine } from "../../../functions/stores/machines.ts";
import { pack } from "../../../functions/stores/packed.ts";
import { receiptsStore } from "../../../functions/stores/receipts.ts";
import type { PatchState } from "../../../functions/stores/states.ts";
import { openTable } from "../../../functions/stores/table.ts";
import { tables } from "../../../functions/stores/tables.ts";
import { signReceipt } from "../../../protocol/trust/receipt.ts";
import { type MachineKeys, machineIdOf } from "../../../protocol/trust/request.ts";
import { MachineKey } from "../../../protocol/wire/enrol.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import type { Stores } from "../stores.ts";
import { buildOf, customer, groups, products } from "./account.ts";

/** The tables that a fleet fills. */
export const fleetTables = [
  tables.machines,
  tables.said,
  tables.states,
  tables.receipts,
  tables.fleet,
  tables.standings,
  tables.fleetCounts,
];

type Seeded = { machine: Machine; keys: MachineKeys; states: PatchState[] };
type Options = {
  machines: number;
  /** 0 up to 1, the same ones for the same fleet */
  random: () => number;
  /** milliseconds since the epoch */
  now: number;
  onProgress?: (done: number) => void;
};

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
/** A kept machine may vanish only long after the trial. Seconds. */
const keptFor = 400 * 86_400;
const kernels = ["6.12.48+deb13-amd64", "6.12.43+deb13-amd64", "6.1.0-40-amd64"] as const;
/** What came of a patch that was tried, by how often; the rest of the machines has not tried yet. */
const outcomes: readonly [OutcomeCode, number, string][] = [
  ["applied", 0.97, ""],
  ["stalled", 0.982, "1 task did not leave the old code"],
  ["failed", 0.99, "the payload does not link"],
  ["quarantined", 0.994, "tcp 127.0.0.1:443 refused the connection"],
  ["blocked", 1, "a thread is inside the function"],
];

/**
 * Writes a customer's machines as they would stand: what each said of itself, what its patches came to with its newest receipt, signed,
 * and the index, derived as the fleet job derives it.
 * @param account where the customer and its patches are read from
 */
export async function writeFleet(account: Stores, dynamo: Dynamo, options: Options): Promise<void> {
  const { machines: count, now, onProgress } = options;
  const inputs = new PlanInputsCache(account);
  const changes = await account.changes.read({ consistent: true });
  const terms = await inputs.account(customer, changes);
  const patches = await inputs.patches(
    terms.subscriptions.map(({ stream }) => stream),
    changes,
  );
  const liveAt = new Map(
    await Promise.all(patches.map(async ({ id }) => [id, (await account.patches.get(id))?.liveAt ?? now] as const)),
  );
  const severities = new Map(patches.map(({ id, manifest }) => [id, manifest.severity]));
  const rows = openRows(dynamo);
  let chunk: { before: undefined; after: IndexedMachine; took: { patch: string; millis: number }[] }[] = [];
  for (let number = 0; number < count; number++) {
    const seeded = await newMachine(number, { ...options, patches, liveAt });
    await rows.write(seeded);
    const { machine, states } = seeded;
    const standings = standingsOf(machine, states, { ...terms, patches }, now);
    const took = standings.flatMap(({ patch, status, at }) =>
      at !== undefined && isOnHost(status) ? [{ patch, millis: at - (liveAt.get(patch) ?? at) }] : [],
    );
    chunk.push({ before: undefined, after: indexedMachine(machine, standings, severities, 0, now), took });
    if (chunk.length < 1000 && number + 1 < count) continue;
    await rows.fleet.move(customer, chunk);
    chunk = [];
    onProgress?.(number + 1);
  }
}

function openRows(dynamo: Dynamo) {
  const machines = openTable<Omit<Enrolled, "boots"> & { ttl: number; keptFor: number }>(dynamo, tables.machines);
  const said = openTable<{ machine: string; said: string; counter: number; ttl: number }>(dynamo, tables.said);
  const allStates = openTable<PatchState>(dynamo, tables.states);
  const receipts = receiptsStore(dynamo);

  async function write({
    machine: { facts, patches, boots: _boots, ...enrolled },
    keys,
    states,
  }: Seeded): Promise<void> {
    const { machine, counter } = enrolled;
    const ttl = Math.floor(enrolled.seenAt / 1000) + keptFor;
    await machines.put({ ...enrolled, ttl, keptFor });
    await said.put({ machine, said: pack({ facts, patches }), counter, ttl });
    for (const state of states) await allStates.put(state);
    const newest = states.at(-1);
    if (newest === undefined) return;
    const { patchId, state, action, detail, at, receipt: sequence } = newest;
    const signed = await signReceipt(
      {
        machine,
        sequence,
        patch: patchId,
        manifest: "0".repeat(64),
        action,
        code: state,
        detail,
        evidence: state === "applied" ? { pauseMicros: 90 + (at % 120) } : {},
        planSeq: 1,
        at: Math.floor(at / 1000),
      },
      keys,
    );
    await receipts.put({ machine, sequence, receipt: signed, receivedAt: at });
  }
  return { write, fleet: fleetStore(dynamo) };
}

type Context = Options & { patches: readonly PlannedPatch[]; liveAt: ReadonlyMap<string, number> };

async function newMachine(number: number, { random, now, patches, liveAt }: Context): Promise<Seeded> {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const { kty, crv, x } = await exportJWK(publicKey);
  const keys: MachineKeys = { publicKey: MachineKey.parse({ kty, crv, x }), privateKey };
  const machine = machineIdOf(keys.publicKey);
  const group = pick(groups, random);
  const running = products.filter(() => random() < 0.4);
  const builds = running.map(({ name, path, builds: known }) => ({
    buildId: buildOf(name, Math.floor(random() * known)),
    path,
    processes: 1 + Math.floor(random() * 4),
  }));
  // A few are away for days; of the others each checked in within the quarter of an hour
  const seenAt = now - (random() < 0.01 ? 2 * day + random() * 9 * day : random() * 15 * minute);
  const names = new Set(running.map(({ name }) => name as string));
  const fitting = patches
    .filter(({ manifest }) => names.has(manifest.product))
    .toSorted((one, other) => (liveAt.get(one.id) ?? 0) - (liveAt.get(other.id) ?? 0));
  const states = fitting.flatMap(({ id }): PatchState[] => {
    // Half within some three hours, the last after days
    const at = (liveAt.get(id) ?? now) + 10 * minute + 3 * hour * random() ** -0.7;
    if (at > seenAt) return [];
    const chance = random();
    const [state, , detail] = outcomes.find(([, below]) => chance < below) ?? ["applied", 1, ""];
    return [{ machine, patchId: id, customer, state, action: "apply", detail, at: Math.floor(at), receipt: 0 }];
  });
  return {
    keys,
    states: states.map((state, at) => ({ ...state, receipt: at + 1 })),
    machine: {
      machine,
      customer,
      group,
      publicKey: keys.publicKey,
      enrolledAt: now - 120 * day,
      seenAt: Math.floor(seenAt),
      counter: 100,
      bodyHash: "",
      boots: [],
      patches: [],
      facts: {
        hostname: `${group}-${String(number).padStart(6, "0")}.northwind.example`,
        os: "linux",
        arch: "x86_64",
        kernel: pick(kernels, random),
        bootId: `boot-${number}`,
        agent: "0.1.0",
        builds,
        engines: [{ name: "elf", supported: true, reason: "" }],
      },
    },
  };
}

function pick<T>(items: readonly T[], random: () => number): T {
  const found = items[Math.floor(random() * items.length)];
  if (found === undefined) throw new RangeError("nothing to pick from");
  return found;
}
