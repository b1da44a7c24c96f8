import { matchingVariants } from "../../protocol/match.ts";
import { type Rollout, waveOf } from "../domain/rollout.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { PatchesStore } from "../stores/patches.ts";

/** How many of a customer's machines a patch fits and the waves up to this one take. Reads each machine: once for each wave. */
export async function rolloutSize(
  { customer, patch, waves, wave }: Pick<Rollout, "customer" | "patch" | "waves" | "wave">,
  { machines, patches }: { machines: MachinesStore; patches: PatchesStore },
): Promise<number> {
  const found = await patches.get(patch);
  if (found === undefined) return 0;
  const all = await collect((page) => machines.listByCustomer(customer, page));
  return all.filter(
    ({ machine, group, facts }) =>
      waveOf(waves, patch, { id: machine, group }) <= wave && matchingVariants(found.manifest, facts).length > 0,
  ).length;
}
