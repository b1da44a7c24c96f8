import { SutureError } from "../../protocol/errors.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import { carryOut, newProposal, type Outcome, type Place } from "./carry-out.ts";
import { nextRoot, oneKey, type RootRoles, rolesIn } from "./next-metadata.ts";

type FirstRoot = {
  root: readonly TufKey[];
  threshold: number;
  targets: RootRoles["targets"];
  online: { snapshot: TufKey; timestamp: TufKey };
};

/**
 * Proposes a repository's first root. Where it has one that these keys sign there is nothing to do.
 * @returns what the proposal came to; undefined where a root is in force
 * @throws SutureError `conflict` where the root has other keys
 */
export async function foundRoot(
  place: Place,
  { root, threshold, targets, online }: FirstRoot,
): Promise<Outcome | undefined> {
  const { name } = place.repository;
  const current = (await place.repository.newest("root"))?.text;
  if (current !== undefined) {
    const known = new Set(rolesIn(current).root.keys.map(({ keyid }) => keyid));
    if (root.some(({ keyid }) => known.has(keyid))) return undefined;
    throw new SutureError(
      "conflict",
      `${name} has a root already, and these keys do not sign it: give --keys with its own`,
    );
  }
  const roles = {
    root: { keys: root, threshold },
    targets,
    snapshot: oneKey(online.snapshot),
    timestamp: oneKey(online.timestamp),
  };
  const why = `The first root, of ${threshold} of ${root.length} keys`;
  const text = await nextRoot(undefined, roles, place.now);
  return await carryOut(place, newProposal(place, { role: "root", why, by: null, text }));
}
