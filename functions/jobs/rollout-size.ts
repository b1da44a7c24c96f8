import { matchingVariants } from "../../protocol/match.ts";
import { presenceOf } from "../control.ts";
import { livenessOf } from "../domain/liveness.ts";
import { type Rollout, waveOf } from "../domain/rollout.ts";
import type { Machine, MachinesStore } from "../stores/machines.ts";
import type { PatchesStore } from "../stores/patches.ts";

/** How many of a customer's machines a patch fits and the waves up to this one take. Reads each machine: once for each wave. */
export async function rolloutSize(
  { customer, patch, waves, wave }: Pick<Rollout, "customer" | "patch" | "waves" | "wave">,
  { machines, patches, now }: { machines: MachinesStore; patches: PatchesStore; now: number },
): Promise<number> {
  const found = await patches.get(patch);
  if (found === undefined) return 0;
  const isIn = (machine: Machine) =>
    livenessOf(presenceOf(machine), now / 1000) !== "retired" &&
    waveOf(waves, patch, { id: machine.machine, group: machine.group }) <= wave &&
    matchingVariants(found.manifest, machine.facts).length > 0;
  let size = 0;
  let cursor: string | undefined;
  do {
    const page = await machines.listByCustomer(customer, { limit: 1000, cursor });
    size += page.items.filter(isIn).length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return size;
}
