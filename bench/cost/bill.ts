import { consumerNames } from "../../functions/jobs/consumers.ts";
import type { TableUnits } from "./counted-dynamo.ts";
import type { MachineMonth } from "./month.ts";
import { assumed, prices } from "./prices.ts";

export type Fleet = {
  machines: number;
  customers: number;
  vendors: number;
  /** publishes of one vendor in the month */
  publishes: number;
  /** bytes of the packed record of changes: about 30 for each scope that changed within 25 hours */
  recordBytes: number;
  /** of one patch's bundle, which each machine downloads once */
  bundleBytes: number;
};

const monthSeconds = 30 * 86_400;
/** An instance keeps the record of changes for so long (functions/agent-api/changes-cache.ts), and answers at most so much. */
const recordSeconds = 5;
const requestsPerInstance = 10;
/** An instance keeps the service's timestamp and a vendor's for so long (functions/agent-api/metadata-hints.ts). */
const timestampSeconds = { service: 60, vendor: 3600 };
/** Versioned files that it reads of each: two snapshots, roles and targets. */
const versionedFiles = { service: 9, vendor: 6 };
/** How often silence is looked for, and how long changes are gathered for the fleet's index (infra/stacks/jobs.ts). */
const silenceSeconds = 3 * 3600;
const indexSeconds = 20;
/** The gates look each minute at the first hundred of each shard of what is watched, until there is nothing left that is due. */
const gateRuns = monthSeconds / 60;
const watchShards = 16;
const watchedBytes = 100 * 400;
const million = 1e6;
const gb = 1e9;

/** What a fleet's month costs, in US dollars, by what it is spent on. Nothing is rounded to nothing: a line is there or it is free. */
export function billOf(machine: MachineMonth, fleet: Fleet): Record<string, number> {
  const { perMillion, perGb, perMonth } = prices;
  const total = (each: number) => each * fleet.machines;
  const checkIns = total(machine.checkIns);
  const requests = total(machine.polls + machine.checkIns + machine.reports);
  const gbSeconds =
    (total(machine.polls) * assumed.pollMillis +
      checkIns * assumed.checkInMillis +
      total(machine.reports) * assumed.reportMillis) *
    (assumed.memoryGb / 1000);
  const instances = Math.max(1, requests / monthSeconds / requestsPerInstance);
  const publishes = fleet.vendors * (fleet.publishes + 90);

  /** How often instances of one function load what so many keys stand for, each kept for `seconds`, by so many uses in the month. */
  const loads = (uses: number, { keys, seconds, on = instances }: { keys: number; seconds: number; on?: number }) => {
    const windows = (on * monthSeconds) / seconds;
    return keys * windows * (1 - Math.exp(-uses / keys / windows));
  };
  const accountsAndChannels = (uses: number, on: number) => {
    const kept = { seconds: assumed.instanceSeconds, on };
    return (
      loads(uses, { ...kept, keys: fleet.customers }) * dollarsOf(machine.loads.account) +
      // A channel is loaded anew by who keeps it when its vendor has published too
      (loads(uses, { ...kept, keys: fleet.vendors }) + on * fleet.vendors * fleet.publishes) *
        dollarsOf(machine.loads.channel)
    );
  };
  // A copy that a check-in refreshed answers polls too: a poll reads where none came for so long
  const perInstance = checkIns / instances / monthSeconds;
  const recordReads = checkIns + (instances * monthSeconds * perInstance) / Math.expm1(perInstance * recordSeconds);
  const batches = (2 * assumed.shards * monthSeconds) / indexSeconds;
  // A timestamp, and that there is no newer root; snapshots, roles and targets, which an instance keeps while it lives
  const ofLife = {
    keys: versionedFiles.service + versionedFiles.vendor * fleet.vendors,
    seconds: assumed.instanceSeconds,
  };
  const hints =
    loads(checkIns, ofLife) +
    2 * loads(checkIns, { keys: 1, seconds: timestampSeconds.service }) +
    2 * loads(checkIns, { keys: fleet.vendors, seconds: timestampSeconds.vendor });

  return {
    "function requests": (requests * perMillion.lambdaRequests) / million,
    "function time": gbSeconds * perGb.lambdaSecondsArm,
    "bytes out": ((total(machine.bytesOut) + requests * assumed.addedHeaderBytes) / gb) * perGb.functionBytesOut,
    "record of changes": (recordReads * readUnitsOf(fleet.recordBytes) * perMillion.readUnits) / million,
    "machines' words": fleet.machines * dollarsOf(machine.units),
    "accounts and channels": accountsAndChannels(checkIns, instances),
    "index of the fleet":
      fleet.machines * dollarsOf(machine.index.units) +
      accountsAndChannels(total(machine.index.looks), assumed.shards) +
      (batches * (perMillion.lambdaRequests + readUnitsOf(fleet.recordBytes) * perMillion.readUnits)) / million +
      total(machine.index.looks) * (assumed.indexMillis / 1000) * 0.5 * perGb.lambdaSecondsArm,
    // A report is a batch of the stream's own, and so is what it moves of the counts; as is the seat that comes with a machine's first patch
    rollouts:
      fleet.machines * dollarsOf(machine.rollouts) +
      2 *
        total(machine.reports) *
        (perMillion.lambdaRequests / million +
          (assumed.epochsMillis / 1000) * assumed.memoryGb * perGb.lambdaSecondsArm) +
      (gateRuns * watchShards * 2 * (watchedBytes / 4096 / 2) * perMillion.readUnits) / million,
    "looks for silence":
      (((monthSeconds / silenceSeconds) * total(machine.rowBytes)) / 4096 / 2 / million) * perMillion.readUnits,
    // Lambda asks each consumer's queue of retries five times in 20 seconds; the sweeps mostly find nothing to do
    "retries and sweeps":
      (consumerNames.length * 5 * (monthSeconds / 20) * perMillion.queueRequests) / million +
      (monthSeconds / 60) * (perMillion.lambdaRequests / million + 0.2 * 1.73 * perGb.lambdaSecondsArm),
    // Each hour every seat, of which there is one for each machine, and a day's share of their machines
    seats: (720 * total(assumed.seatBytes / 4096 + 0.5 / 24) * perMillion.readUnits) / million,
    "metadata read for agents": (hints * perMillion.objectGets) / million,
    "metadata by CDN":
      (total(machine.publicReads) * (perMillion.cdnRequests + (assumed.readBytes / 1000) * perGb.cdnBytesOut)) /
      million,
    "bundles by CDN":
      (total(machine.reports) * (perMillion.cdnRequests + perMillion.objectGets)) / million +
      ((total(machine.reports) * fleet.bundleBytes) / gb) * perGb.cdnBytesOut,
    // A re-signed timestamp every 8 hours and each publish: two keys unwrapped, a few files, a message
    publishing:
      (publishes * (2 * perMillion.kmsSymmetricRequests + 5 * perMillion.objectPuts + 6 * perMillion.queueRequests)) /
      million,
    // The hourly look at each repository, most of which are up to date
    schedule: (fleet.vendors * 720 * (3 * perMillion.queueRequests + 6 * perMillion.readUnits + 0.5)) / million,
    // After a year, with what its patches left; and once more for the copies that a restore is made from
    "tables at rest":
      (total(machine.atRest.steady + 12 * machine.atRest.added) / gb) * (perMonth.tableGb + perMonth.tableBackupGb) +
      (total(12 * machine.atRest.archived) / gb) * (perMonth.seldomReadTableGb + perMonth.tableBackupGb),
    "keys, secrets, alarms": 5 * perMonth.kmsKey + 3 * perMonth.secret + 38 * perMonth.alarm + perMonth.dashboard,
    // No line for a request that went well; the HTTP API's own lines are people's and vendors'
    logs: 2 * perGb.logs,
  };
}

function dollarsOf({ readUnits, writeUnits }: TableUnits): number {
  return (readUnits * prices.perMillion.readUnits + writeUnits * prices.perMillion.writeUnits) / million;
}

/** Of one item, read strongly consistent. */
function readUnitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 4096));
}

/** The sum of a bill. */
export function sumOf(bill: Readonly<Record<string, number>>): number {
  return Object.values(bill).reduce((sum, each) => sum + each, 0);
}

/**
 * The most that a month-long flood of unauthenticated requests can cost, in US dollars: the caps let no more through, and what is
 * refused above them is not billed.
 * @param agentConcurrency agent-api's reserved concurrency; each admits ten requests a second
 * @param apiRate the HTTP API's cap in requests a second
 */
export function floodCeiling({ agentConcurrency, apiRate }: { agentConcurrency: number; apiRate: number }): number {
  const { perMillion, perGb } = prices;
  const polls = agentConcurrency * requestsPerInstance * monthSeconds;
  const calls = apiRate * monthSeconds;
  const functionTime = agentConcurrency * monthSeconds * assumed.memoryGb * perGb.lambdaSecondsArm;
  const apiTime = calls * 0.01 * 0.5 * perGb.lambdaSecondsArm;
  const bytes = ((polls + calls) * 600) / gb;
  return (
    (polls * perMillion.lambdaRequests) / million +
    functionTime +
    (calls * (perMillion.httpApiRequests + perMillion.lambdaRequests + perMillion.cdnRequests)) / million +
    apiTime +
    bytes * perGb.functionBytesOut
  );
}
