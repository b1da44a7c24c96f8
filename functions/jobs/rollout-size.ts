import { isSutureError } from "../../protocol/errors.ts";
import { matchingVariants } from "../../protocol/match.ts";
import { presenceOf } from "../control.ts";
import { livenessOf } from "../domain/liveness.ts";
import { type Rollout, sized, waveOf } from "../domain/rollout.ts";
import type { Machine, MachinesStore } from "../stores/machines.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { ProgressStore } from "../stores/progress.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";

export type SizeDeps = {
  machines: Pick<MachinesStore, "listByCustomer">;
  patches: Pick<PatchesStore, "get">;
  rollouts: RolloutsStore;
  progress: ProgressStore;
  /** milliseconds since the epoch */
  now: () => number;
};
type Counted = Pick<Rollout, "customer" | "patch" | "wave" | "phase">;

const pageSize = 500;

/**
 * Counts how many of a customer's machines a patch fits and the open waves take, as far as it may at this time, and keeps where it was;
 * once all are counted the rollout has its size. Of two that count the same rollout at once one goes on.
 * @param most machines that are read now, a page more at most
 * @returns how many were read, and whether the rollout needs no more of it
 */
export async function countSize(
  { customer, patch, wave, phase }: Counted,
  most: number,
  deps: SizeDeps,
): Promise<{ read: number; isDone: boolean }> {
  const job = `size ${customer} ${patch}`;
  const of = `wave ${wave} phase ${phase}`;
  const [rollout, found, { progress, revision }] = await Promise.all([
    deps.rollouts.get(customer, patch),
    deps.patches.get(patch),
    deps.progress.read(job),
  ]);
  if (rollout === undefined || rollout.size !== null || rollout.wave !== wave || rollout.phase !== phase)
    return { read: 0, isDone: true };
  // What is done may not have reached the rollout, whose writer died: it is counted again
  const begun = progress?.of === of && progress.cursor !== undefined ? progress : undefined;
  const startedAt = begun?.startedAt ?? deps.now();
  let { count = 0, cursor } = begun ?? {};
  let read = 0;
  do {
    const page = await deps.machines.listByCustomer(customer, { limit: pageSize, cursor });
    read += page.items.length;
    if (found !== undefined) count += page.items.filter(isIn).length;
    cursor = page.cursor;
  } while (cursor !== undefined && read < most);
  const kept = await deps.progress.save(
    job,
    { of, count, startedAt, ...(cursor !== undefined && { cursor }) },
    revision,
  );
  if (!kept || cursor !== undefined) return { read, isDone: !kept };
  await keep(sized(rollout, count), deps);
  return { read, isDone: true };

  function isIn(machine: Machine): boolean {
    return (
      livenessOf(presenceOf(machine), deps.now() / 1000) !== "retired" &&
      waveOf(rollout?.waves ?? [], patch, { id: machine.machine, group: machine.group }) <= wave &&
      found !== undefined &&
      matchingVariants(found.manifest, machine.facts).length > 0
    );
  }
}

/** One that a person changed meanwhile is counted at the next run: the count is there, and its end is read again. */
async function keep(rollout: Rollout, { rollouts }: SizeDeps): Promise<void> {
  try {
    await rollouts.update(rollout);
  } catch (error) {
    if (!isSutureError(error, "conflict")) throw error;
  }
}
