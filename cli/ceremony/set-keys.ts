import { readFile } from "node:fs/promises";
import { SutureError } from "../../protocol/errors.ts";
import { type TufKey, tufKey } from "../../protocol/trust/signer.ts";
import type { Result } from "../io.ts";
import type { Place } from "./carry-out.ts";
import { changeDelegations } from "./change-delegations.ts";
import { changeRoot } from "./change-root.ts";
import { delegationsIn } from "./next-metadata.ts";
import { refuseUnsignable } from "./proposal.ts";
import { newestText } from "./repository.ts";

/** The public keys of files that `key` wrote. @throws SutureError `invalid-request` for one key in two files */
export async function readPublicKeys(files: readonly string[]): Promise<TufKey[]> {
  const keys = await Promise.all(files.map(async (file) => tufKey(await readFile(file, "utf8"))));
  if (new Set(keys.map(({ keyid }) => keyid)).size < keys.length)
    throw new SutureError("invalid-request", "Two of the files hold the same key: each person makes one");
  return keys;
}

/**
 * Says whose keys sign a role, and how many of them it takes.
 * @param role `root`, `targets`, a delegated role, or a product for all of its channels
 * @throws SutureError `not-found`, `invalid-request`, and what the service refuses
 */
export async function setKeys(
  place: Place,
  role: string,
  { files, threshold }: { files: readonly string[]; threshold: number },
): Promise<Result> {
  const keys = { keys: await readPublicKeys(files), threshold };
  refuseUnsignable(role, keys);
  const why = `${role}: ${threshold} of ${keys.keys.length} keys`;
  if (role === "root" || role === "targets") return await changeRoot(place, { why, [role]: keys });
  const delegations = delegationsIn(await newestText(place.repository, "targets"));
  const isMeant = (name: string) => name === role || name.startsWith(`${role}.`);
  if (!delegations.some((each) => isMeant(each.role)))
    throw new SutureError("not-found", `There is no role ${role}: ${delegations.map((each) => each.role).join(", ")}`);
  const changed = delegations.map((each) => (isMeant(each.role) ? { ...each, ...keys } : each));
  return (await changeDelegations(place, { why, delegations: changed })).outcome;
}
