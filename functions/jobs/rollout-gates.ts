import { isSutureError } from "../../protocol/errors.ts";
import { lookAt, type Watch } from "../domain/outcome.ts";
import { finish, gates, halt, isForRebootsAlone, judge, openWave, type Rollout, sized } from "../domain/rollout.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { type CountedMachine, type OutcomesStore, type RolloutRef, rolloutOfCounted } from "../stores/outcomes.ts";
import { collect } from "../stores/page.ts";
import { isHeldForEveryone, type PatchHoldsStore } from "../stores/patch-holds.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import { rolloutSize } from "./rollout-size.ts";

/** Gates that did not run for so long missed check-ins which may have been made: nobody is blamed. Milliseconds. */
const outage = 5 * 60_000;

export type GatesDeps = {
  rollouts: RolloutsStore;
  outcomes: OutcomesStore;
  machines: MachinesStore;
  patches: PatchesStore;
  patchHolds: PatchHoldsStore;
  /** milliseconds since the epoch */
  now: number;
};

/**
 * Looks at machines that may have fallen silent, whatever became of their rollout since, and at every running rollout: failures,
 * waves that are over. To be run about every 15 seconds; a run beside another or after a long pause does no harm.
 */
export async function runGates(deps: GatesDeps): Promise<void> {
  const before = await deps.outcomes.looked(deps.now);
  const gap = before === undefined || deps.now - before <= outage ? 0 : deps.now - before;
  const looked = await lookForSilence(gap, deps);
  const running = await collect((page) => deps.rollouts.listRunning(page));
  const all = new Map(
    [...looked, ...running].map(({ customer, patch }) => [`${customer} ${patch}`, { customer, patch }]),
  );
  for (const rollout of all.values()) await gate(rollout, deps);
}

/** Judges one rollout and changes it as the verdict says. Another that changed it meanwhile will have it judged again. */
export async function gate(ref: RolloutRef, deps: GatesDeps): Promise<void> {
  const rollout = await sizedRollout(ref, deps);
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
    case "open": {
      const size = await rolloutSize({ ...rollout, wave: rollout.wave + 1 }, deps);
      await update(openWave(rollout, size, change), deps);
      return;
    }
    case "finish":
      await update(finish(rollout, change), deps);
  }
}

/** The rollout as it is kept. A wave that a person opened has its machines counted here: that may take longer than a request. */
async function sizedRollout({ customer, patch }: RolloutRef, deps: GatesDeps): Promise<Rollout | undefined> {
  const found = await deps.rollouts.get(customer, patch);
  if (found === undefined || found.size !== null) return found;
  const counted = sized(found, await rolloutSize(found, deps));
  return (await update(counted, deps)) ? counted : undefined;
}

async function isHeld(patch: string, { patchHolds }: GatesDeps): Promise<boolean> {
  return isHeldForEveryone(await patchHolds.get(patch));
}

async function update(rollout: Rollout, { rollouts }: GatesDeps): Promise<boolean> {
  try {
    await rollouts.update(rollout);
    return true;
  } catch (error) {
    if (isSutureError(error, "conflict")) return false;
    throw error;
  }
}

/** @returns the rollouts of the machines that were looked at */
async function lookForSilence(gap: number, deps: GatesDeps): Promise<RolloutRef[]> {
  const looked: RolloutRef[] = [];
  for (;;) {
    const before = looked.length;
    for (const machine of await deps.outcomes.due(deps.now)) {
      if (machine.watch === undefined || !(await look(machine, machine.watch, gap, deps))) continue;
      looked.push(rolloutOfCounted(machine));
    }
    // The index follows the table a little later: what it shows again was looked at
    if (looked.length === before) return looked;
  }
}

async function look(counted: CountedMachine, watch: Watch, gap: number, deps: GatesDeps): Promise<boolean> {
  if (gap > 0) {
    const later = { ...watch, appliedAt: watch.appliedAt + gap };
    return await deps.outcomes.watched(counted, { ...counted, watch: later });
  }
  const seenAt = (await deps.machines.enrolled(counted.machine))?.seenAt ?? 0;
  const { silent, ...next } = lookAt(watch, seenAt);
  const isBack = counted.cause === "silent" && next.misses === watch.misses;
  const said = silent && !isBack ? { outcome: "failed", cause: "silent" } : { outcome: "applied", cause: "applied" };
  return await deps.outcomes.watched(counted, { watch: next, ...(said as Pick<CountedMachine, "outcome" | "cause">) });
}
