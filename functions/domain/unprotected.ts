import { matchingVariants } from "../../protocol/match.ts";
import { replaces } from "../../protocol/replaces.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import type { PlanInputs, PlannedPatch } from "./verdict.ts";

/**
 * The withdrawn patches that leave a machine open: it runs what they were for, has no other version of them, and no live patch is there
 * to be offered in their place. A plan has nothing to say of these, and the machine is not safe for that.
 * @param applied the ids of the patches that are in effect there
 */
export function unprotectedBy(
  { patches, facts, subscriptions, now }: Pick<PlanInputs, "patches" | "facts" | "subscriptions" | "now">,
  applied: readonly string[],
): Set<string> {
  const entitled = new Set(
    subscriptions.filter(({ endsAt }) => endsAt === null || endsAt > now).map(({ stream }) => stream),
  );
  const withdrawn = patches.filter(({ state, stream }) => state === "withdrawn" && entitled.has(stream));
  const others = patches.filter(({ state, id }) => state === "live" || applied.includes(id));
  const open = withdrawn.filter(
    (patch) =>
      matchingVariants(patch.manifest, facts).length > 0 &&
      !others.some((other) => standsFor(other, patch)) &&
      // Of several versions that were withdrawn the newest is told
      !withdrawn.some((other) => other.id !== patch.id && replaces(other, patch.id)),
  );
  return new Set(open.map(({ id }) => id));
}

/** Whether one patch mends what the other was for: another version of it, or what is in the place of the other or was. */
function standsFor(one: PlannedPatch, other: PlannedPatch): boolean {
  const nameOf = (id: string) => {
    const { vendor, product, patch } = parsePatchId(id);
    return `${vendor}/${product}/${patch}`;
  };
  return nameOf(one.id) === nameOf(other.id) || replaces(one, other.id) || replaces(other, one.id);
}
