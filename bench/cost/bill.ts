import type { MachineMonth } from "./month.ts";
import { assumed, prices } from "./prices.ts";

export type Fleet = {
  machines: number;
  /** seconds between polls */
  interval: number;
  vendors: number;
  /** publishes of one vendor in the month */
  publishes: number;
  /** bytes of the record of changes: about 100 for each scope that changed within 25 hours */
  recordBytes: number;
  /** of one patch's bundle, which each machine downloads once */
  bundleBytes: number;
};

const monthSeconds = 30 * 86_400;
/** An instance keeps the record of changes for so long (functions/agent-api/changes-cache.ts), and answers at most so much. */
const recordSeconds = 3;
const requestsPerInstance = 10;
const million = 1e6;
const gb = 1e9;

/** What a fleet's month costs, in US dollars, by what it is spent on. Nothing is rounded to nothing: a line is there or it is free. */
export function billOf(machine: MachineMonth, fleet: Fleet): Record<string, number> {
  const { perMillion, perGb, perMonth } = prices;
  const total = (each: number) => each * fleet.machines;
  const requests = total(machine.polls + machine.checkIns + machine.reports);
  const gbSeconds =
    (total(machine.polls) * assumed.pollMillis +
      total(machine.checkIns) * assumed.checkInMillis +
      total(machine.reports) * assumed.reportMillis) *
    (assumed.memoryGb / 1000);
  const instances = Math.max(1, requests / monthSeconds / requestsPerInstance);
  const recordUnits = Math.max(1, Math.ceil(fleet.recordBytes / 4096));
  const recordReads = (instances * monthSeconds) / recordSeconds + total(machine.checkIns);
  const publishes = fleet.vendors * (fleet.publishes + 90);
  return {
    "function requests": (requests * perMillion.lambdaRequests) / million,
    "function time": gbSeconds * perGb.lambdaSecondsArm,
    "bytes out": ((total(machine.bytesOut) + requests * assumed.addedHeaderBytes) / gb) * perGb.functionBytesOut,
    "record of changes": (recordReads * recordUnits * perMillion.readUnits) / million,
    "table reads": (total(machine.units.readUnits) * perMillion.readUnits) / million,
    "table writes": (total(machine.units.writeUnits) * perMillion.writeUnits) / million,
    // A machine's account is read once for a batch of machines: what one reads alone is more than its share
    "index of the fleet":
      (total(machine.index.units.readUnits) * perMillion.readUnits +
        total(machine.index.units.writeUnits) * perMillion.writeUnits) /
        million +
      total(machine.index.looks) * (assumed.indexMillis / 1000) * 0.5 * perGb.lambdaSecondsArm,
    "metadata by CDN": (total(machine.publicReads) * perMillion.cdnRequests) / million,
    "bundles by CDN":
      (total(machine.reports) * (perMillion.cdnRequests + perMillion.objectGets)) / million +
      ((total(machine.reports) * fleet.bundleBytes) / gb) * perGb.cdnBytesOut,
    // A re-signed timestamp every 8 hours and each publish: two keys unwrapped, a few files, a message
    publishing:
      (publishes * (2 * perMillion.kmsSymmetricRequests + 5 * perMillion.objectPuts + 6 * perMillion.queueRequests)) /
      million,
    // The hourly look at each repository, most of which are up to date
    schedule: (fleet.vendors * 720 * (3 * perMillion.queueRequests + 6 * perMillion.readUnits + 0.5)) / million,
    "tables at rest": ((fleet.machines * 30_000) / gb) * perMonth.tableGb,
    "keys, secrets, alarms": 5 * perMonth.kmsKey + 3 * perMonth.secret + 18 * perMonth.alarm + perMonth.dashboard,
    // No line for a request that went well; the HTTP API's own lines are people's and vendors'
    logs: 2 * perGb.logs,
  };
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
