import type { Rollout } from "../domain/rollout.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import { eachApart } from "./apart.ts";
import { type SilenceDeps, sweepSilence } from "./fleet-silence.ts";
import { countSize, type SizeDeps } from "./rollout-size.ts";

export type SweepsDeps = SilenceDeps & SizeDeps & { rollouts: RolloutsStore };

/** What one run reads at most, of machines whose rollouts are counted; and of those, for one rollout before it is another's turn. */
export const machinesPerRun = 50_000;
const machinesPerTurn = 5_000;
/** Beside that, one run begins no more work after so long; milliseconds. It has 55 s. */
const timeLimit = 35_000;
const countedAtOnce = 4;

/**
 * Does what must look at every machine, some of them at each run: counts the machines of rollouts whose wave opened, and looks for
 * machines that fell silent. Each keeps where it is, so a million machines take more runs, and no run takes longer. To be run each minute.
 */
export async function runSweeps(deps: SweepsDeps): Promise<void> {
  await eachApart([() => countRollouts(deps), () => sweepSilence(deps)], 1, (sweep) => sweep());
}

/** Rollouts take turns, so that a large one keeps no small one waiting. */
async function countRollouts(deps: SweepsDeps): Promise<void> {
  const begun = deps.now();
  let left = machinesPerRun;
  let waiting: Rollout[] = [];
  let cursor: string | undefined;
  do {
    const page = await deps.rollouts.listRunning({ limit: 500, cursor });
    waiting.push(...page.items.filter(({ size }) => size === null));
    cursor = page.cursor;
  } while (cursor !== undefined);
  const failures: unknown[] = [];
  while (waiting.length > 0 && left > 0 && deps.now() - begun < timeLimit) {
    const unfinished: Rollout[] = [];
    await eachApart(waiting, countedAtOnce, async (rollout) => {
      if (left <= 0) return;
      const { read, isDone } = await countSize(rollout, Math.min(machinesPerTurn, left), deps);
      left -= read;
      if (!isDone) unfinished.push(rollout);
    }).catch((error: unknown) => failures.push(error));
    waiting = unfinished;
  }
  if (failures.length > 0) throw failures[0];
}
