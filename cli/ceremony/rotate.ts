import { SutureError } from "../../protocol/errors.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import type { Result } from "../io.ts";
import type { Place } from "./carry-out.ts";
import { changeDelegations } from "./change-delegations.ts";
import { changeRoot } from "./change-root.ts";
import { heldKey, heldOrNewKey, promoteKeys } from "./held-keys.ts";
import { delegationsIn, keyByPrefix, rolesIn, withKeyReplaced } from "./next-metadata.ts";
import { newestText } from "./repository.ts";

type Options = {
  /** id of the old key, or its first digits, where it is not at hand */
  replaces?: string | undefined;
  /** where the new key is, if it is no file made here */
  signer?: string | undefined;
  /** the delegated roles that keys of this name sign */
  signs: (role: string) => boolean;
};

/**
 * Puts a new key in the place of the one of that name: `root-2`, `targets`, or one that signs delegated roles. The new one is `NAME.next`
 * until it is in force.
 * @throws SutureError `invalid-request`, and what the service refuses
 */
export async function rotate(place: Place, name: string, { replaces, signer, signs }: Options): Promise<Result> {
  const { repository, directory } = place;
  const next = await heldOrNewKey(directory, `${name}.next`, signer);
  const held = await heldKey(directory, name);
  const roles = rolesIn(await newestText(repository, "root"));
  const delegations = delegationsIn(await newestText(repository, "targets"));
  const kind = name.replace(/-\d+$/, "");
  const concerned =
    kind === "root" || kind === "targets" ? [roles[kind]] : delegations.filter(({ role }) => signs(role));
  const keys = concerned.flatMap((each) => each.keys);
  const wanted = replaces ?? held?.key.keyid;
  const has = (id: string | undefined) => id !== undefined && keys.some(({ keyid }) => keyid.startsWith(id));
  // An earlier run brought it into force, but was cut off before the files changed places
  if (has(next.key.keyid) && !has(wanted)) return await finish(place, name, next.key);
  if (wanted === undefined)
    throw new SutureError(
      "not-found",
      `There is no key ${name} in ${directory}: say which one goes with --replaces ID`,
    );

  const old = keyByPrefix(keys, wanted);
  const why = `A new key ${name}, ${next.key.keyid.slice(0, 16)}, for ${old.keyid.slice(0, 16)}`;
  const promotes = [next.key.keyid];
  if (kind === "root")
    return await changeRoot(place, { why, root: withKeyReplaced(roles.root, old.keyid, next.key), promotes });
  if (kind === "targets") {
    const targets = withKeyReplaced(roles.targets, old.keyid, next.key);
    return await changeRoot(place, { why, targets, promotes, isLost: held === undefined });
  }
  const { outcome, signed } = await changeDelegations(place, {
    why,
    delegations: delegations.map((each) =>
      signs(each.role) && each.keys.some(({ keyid }) => keyid === old.keyid)
        ? withKeyReplaced(each, old.keyid, next.key)
        : each,
    ),
    promotes,
  });
  const isStolen = "  [ ] where the old key was stolen: look through `suture list`, and withdraw what is not yours";
  return {
    json: { ...outcome.json, key: name, old: old.keyid, new: next.key.keyid, signed },
    lines: [
      ...outcome.lines,
      ...(outcome.json.submitted ? [`Signed again: ${signed.join(", ") || "nothing had to be"}`, isStolen] : []),
    ],
  };
}

async function finish({ repository, directory }: Place, key: string, next: TufKey): Promise<Result> {
  await promoteKeys(directory, new Set([next.keyid]));
  return {
    json: { repository: repository.name, key, new: next.keyid, submitted: true },
    lines: [`${key} is the key that is in force.`],
  };
}
