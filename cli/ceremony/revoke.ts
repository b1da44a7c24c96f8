import type { Result } from "../io.ts";
import type { Place } from "./carry-out.ts";
import { changeDelegations } from "./change-delegations.ts";
import { changeRoot } from "./change-root.ts";
import { heldKey } from "./held-keys.ts";
import { delegationsIn, keyByPrefix, rolesIn, withoutKey } from "./next-metadata.ts";
import { newestText } from "./repository.ts";

/**
 * Takes a key away without another in its place.
 * @param given its id or the first 8 digits of it, or its name in the folder
 * @throws SutureError `invalid-request` where too few keys would be left, and what the service refuses
 */
export async function revoke(place: Place, given: string): Promise<Result> {
  const { repository, directory } = place;
  const wanted = (await heldKey(directory, given))?.key.keyid ?? given;
  const roles = rolesIn(await newestText(repository, "root"));
  const delegations = delegationsIn(await newestText(repository, "targets"));
  const ofRoot = [...roles.root.keys, ...roles.targets.keys];
  const { keyid } = keyByPrefix([...ofRoot, ...delegations.flatMap(({ keys }) => keys)], wanted);
  const why = `Without the key ${keyid.slice(0, 16)}`;
  if (ofRoot.some((key) => key.keyid === keyid))
    return await changeRoot(place, {
      why,
      root: withoutKey(roles.root, keyid),
      targets: withoutKey(roles.targets, keyid),
    });
  const without = delegations.map((each) => withoutKey(each, keyid));
  const { outcome } = await changeDelegations(place, { why, delegations: without });
  return { json: { ...outcome.json, revoked: keyid }, lines: outcome.lines };
}
