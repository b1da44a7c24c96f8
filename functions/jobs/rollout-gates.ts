import { isSutureError } from "../../protocol/errors.ts";
import { lookAt, type Watch } from "../domain/outcome.ts";
import { finish, gates, halt, isForRebootsAlone, judge, openWave, type Rollout } from "../domain/rollout.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { type CountedMachine, type OutcomesStore, type RolloutRef, rolloutOfCounted } from "../stores/outcomes.ts";
import { isHeldForEveryone, type PatchHoldsStore } from "../stores/patch-holds.ts";
import type { ProgressStore } from "../stores/progress.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import { counterOf } from "../stores/split-counts.ts";
import type { TableChange } from "../stores/streams.ts";
import { eachApart } from "./apart.ts";

/** Gates that did not run for so long missed check-ins which may have been made: nobody is blamed. Milliseconds. */
const outage = 5 * 60_000;
/** Rollouts that are judged at the same time, and how many of the running ones in one run: the next goes on from there. */
const atOnce = 8;
const rolloutsPerRun = 4000;
/** Machines whose check-ins are looked at in one run. */
const machinesPerRun = 8000;
const job = "gates";

type GateDeps = {
  rollouts: RolloutsStore;
  outcomes: OutcomesStore;
  patchHolds: PatchHoldsStore;
  /** milliseconds since the epoch */
  now: number;
};
export type GatesDeps = GateDeps & { machines: Pick<MachinesStore, "enrolled">; progress: ProgressStore };

/**
 * Looks at machines that may have fallen silent, whatever became of their rollout since, and at running rollouts: failures, waves that
 * are over. Of more than one run takes, the next goes on. To be run about every 15 seconds; a run beside another or after a long pause
 * does no harm, and a rollout that fails keeps no other.
 */
export async function runGates(deps: GatesDeps): Promise<void> {
  const before = await deps.outcomes.looked(deps.now);
  const gap = before === undefined || deps.now - before <= outage ? 0 : deps.now - before;
  await eachApart([() => lookForSilence(gap, deps), () => judgeRunning(deps)], 1, (step) => step());
}

/** Judges rollouts whose counts have moved, as the counts' stream says. */
export async function judgeMoved(batch: readonly TableChange[], deps: GateDeps): Promise<void> {
  const moved = batch.flatMap(({ table, keys }) => (table === "counts" ? [counterOf(String(keys.rollout))] : []));
  // The gates' own row is no rollout
  const rollouts = [...new Set(moved)].filter((key) => key.includes(" "));
  await eachApart(rollouts, atOnce, (rollout) => gate(rolloutOfCounted({ rollout }), deps));
}

/** From where the last run ended, as far as one run goes. */
async function judgeRunning(deps: GatesDeps): Promise<void> {
  const { progress, revision } = await deps.progress.read(job);
  let cursor = progress?.cursor;
  let judged = 0;
  const failures: unknown[] = [];
  do {
    const page = await deps.rollouts.listRunning({ limit: 500, cursor });
    await eachApart(page.items, atOnce, (rollout) => gate(rollout, deps)).catch((error) => failures.push(error));
    judged += page.items.length;
    cursor = page.cursor;
  } while (cursor !== undefined && judged < rolloutsPerRun);
  if (cursor !== progress?.cursor)
    await deps.progress.save(
      job,
      { of: job, count: judged, startedAt: deps.now, ...(cursor !== undefined && { cursor }) },
      revision,
    );
  if (failures.length > 0) throw failures[0];
}

/**
 * Judges one rollout and changes it as the verdict says. Another that changed it meanwhile will have it judged again. The machines of a
 * wave that opens are counted by the sweeps: until then neither the next one opens nor do few failures halt it.
 */
export async function gate(ref: RolloutRef, deps: GateDeps): Promise<void> {
  const rollout = await deps.rollouts.get(ref.customer, ref.patch);
  if (rollout === undefined) return;
  const counts = await deps.outcomes.counts(rollout);
  const verdict = judge(rollout, counts, deps.now);
  // No machine of the wave gets the patch meanwhile, so its time shows nothing
  if ((verdict.do === "open" || verdict.do === "finish") && (await isHeld(rollout.patch, deps))) return;
  const change = { by: gates, at: deps.now, counts };
  switch (verdict.do) {
    case "wait":
      return;
    case "halt":
      if ((await update(halt(rollout, { ...change, detail: verdict.because }), deps)) && !isForRebootsAlone(counts))
        await deps.patchHolds.addHalt(rollout.patch, rollout.customer);
      return;
    case "open":
      await update(openWave(rollout, null, change), deps);
      return;
    case "finish":
      await update(finish(rollout, change), deps);
  }
}

async function isHeld(patch: string, { patchHolds }: GateDeps): Promise<boolean> {
  return isHeldForEveryone(await patchHolds.get(patch));
}

async function update(rollout: Rollout, { rollouts }: GateDeps): Promise<boolean> {
  try {
    await rollouts.update(rollout);
    return true;
  } catch (error) {
    if (isSutureError(error, "conflict")) return false;
    throw error;
  }
}

/** Looks at machines whose check-in after an apply is due, and judges their rollouts, as far as one run goes. */
async function lookForSilence(gap: number, deps: GatesDeps): Promise<void> {
  const looked = new Map<string, RolloutRef>();
  for (let count = 0; count < machinesPerRun; ) {
    let isNew = false;
    await eachApart(await deps.outcomes.due(deps.now), atOnce, async (machine) => {
      if (machine.watch === undefined || !(await look(machine, machine.watch, gap, deps))) return;
      looked.set(machine.rollout, rolloutOfCounted(machine));
      isNew = true;
      count++;
    });
    // The index follows the table a little later: what it shows again was looked at
    if (!isNew) break;
  }
  await eachApart([...looked.values()], atOnce, (rollout) => gate(rollout, deps));
}

async function look(counted: CountedMachine, watch: Watch, gap: number, deps: GatesDeps): Promise<boolean> {
  if (gap > 0) {
    const later = { ...watch, appliedAt: watch.appliedAt + gap };
    return await deps.outcomes.watched(counted, { ...counted, watch: later });
  }
  const seenAt = (await deps.machines.enrolled(counted.machine))?.seenAt ?? 0;
  const { silent, ...next } = lookAt(watch, seenAt);
  const isBack = counted.cause === "silent" && next.misses === watch.misses;
  const reported = { outcome: watch.reported ?? "applied", cause: "applied" };
  const said = silent && !isBack ? { outcome: "failed", cause: "silent" } : reported;
  return await deps.outcomes.watched(counted, { watch: next, ...(said as Pick<CountedMachine, "outcome" | "cause">) });
}
