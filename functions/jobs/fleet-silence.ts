import { presenceOf } from "../control.ts";
import { livenessOf, staleAfter } from "../domain/liveness.ts";
import type { Enrolled } from "../stores/machines.ts";
import type { ProgressStore } from "../stores/progress.ts";
import { type FleetDeps, indexFleet } from "./fleet.ts";

export type SilenceDeps = FleetDeps & { progress: ProgressStore };

/** How often every machine is looked at; milliseconds. */
const every = 3 * 3_600_000;
/** Machines that one run looks at; a million take an hour. */
export const rowsPerRun = 20_000;
const pageSize = 1000;
const job = "silence";

/**
 * Looks for machines that have fallen silent since they were looked at, or were for so long that they are retired: nothing else tells
 * of them. Looks at some of all machines, from where the last run ended; once all were looked at it waits for its time.
 * @returns how many there were, and whether all were looked at
 */
export async function sweepSilence(deps: SilenceDeps): Promise<{ found: number; isDone: boolean }> {
  const { progress, revision } = await deps.progress.read(job);
  const isUnderWay = progress?.cursor !== undefined;
  if (progress !== undefined && !isUnderWay && deps.now() - progress.startedAt < every)
    return { found: 0, isDone: true };
  const startedAt = isUnderWay ? progress.startedAt : deps.now();
  let found = 0;
  let cursor = progress?.cursor;
  let rows = 0;
  do {
    const page = await deps.machines.listUnseen(deps.now() - staleAfter * 1000, { cursor, limit: pageSize });
    found += await indexUnseen(page.items, deps);
    rows += pageSize;
    cursor = page.cursor;
  } while (cursor !== undefined && rows < rowsPerRun);
  const count = (isUnderWay ? progress.count : 0) + found;
  await deps.progress.save(job, { of: job, count, startedAt, ...(cursor !== undefined && { cursor }) }, revision);
  return { found, isDone: cursor === undefined };
}

async function indexUnseen(machines: readonly Enrolled[], deps: SilenceDeps): Promise<number> {
  const unseen = await deps.fleet.find(machines);
  const forgotten = new Set(machines.filter((each) => isRetired(each, deps)).map(({ machine }) => machine));
  const untold = unseen.filter(({ machine, isSilent }) => !isSilent || forgotten.has(machine));
  await indexFleet(
    untold.map(({ machine }) => machine),
    deps,
  );
  return untold.length;
}

function isRetired(machine: Enrolled, deps: SilenceDeps): boolean {
  return livenessOf(presenceOf(machine), deps.now() / 1000) === "retired";
}
