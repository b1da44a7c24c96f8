import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import type { Delegation } from "../../protocol/trust/edit.ts";
import { type TufKey, tufKey } from "../../protocol/trust/signer.ts";
import type { ServiceKeys } from "../../protocol/wire/service.ts";
import type { Outcome, Place } from "./carry-out.ts";
import { changeDelegations } from "./change-delegations.ts";
import { foundRoot } from "./found-root.ts";
import { heldOrNewKey } from "./held-keys.ts";

/** The service's roles that operators sign offline, with so many keys each where one person makes all of them (design: "Trust"). */
export const offlineRoles = ["root", "targets", "agent", "vendors"] as const;
type OfflineKeys = Record<(typeof offlineRoles)[number], TufKey[]>;
const keysOfEach = 3;

/** The offline keys of one folder, made where they are not there yet. */
export async function ownOfflineKeys(directory: string): Promise<OfflineKeys> {
  const all = offlineRoles.map(async (role) => {
    const numbers = Array.from({ length: keysOfEach }, (_, at) => at + 1);
    const keys = numbers.map(async (number) => (await heldOrNewKey(directory, `${role}-${number}`, undefined)).key);
    return [role, await Promise.all(keys)] as const;
  });
  return Object.fromEntries(await Promise.all(all)) as OfflineKeys;
}

/** The offline keys of public halves that several people made: `vendors-2.pub` is one of the role `vendors`. @throws SutureError `invalid-request` */
export async function givenOfflineKeys(files: readonly string[]): Promise<OfflineKeys> {
  const keys: OfflineKeys = { root: [], targets: [], agent: [], vendors: [] };
  for (const file of files) {
    const role = offlineRoles.find((each) => new RegExp(`^${each}-\\d+\\.pub$`).test(basename(file)));
    if (role === undefined)
      throw new SutureError("invalid-request", `${file} does not say whose key it is: root-1.pub, vendors-2.pub`);
    keys[role].push(tufKey(await readFile(file, "utf8")));
  }
  return keys;
}

/**
 * Founds the service's repository: its root, then targets, which delegate its four roles.
 * @returns what the last step came to that could be done: where signatures are missing, the same again goes on from there
 */
export async function foundService(
  place: Place,
  { keys, threshold, online }: { keys: OfflineKeys; threshold: number; online: ServiceKeys },
): Promise<Outcome | undefined> {
  const { snapshot, timestamp, planKeys, recalls } = online;
  const targets = { keys: keys.targets, threshold };
  const root = await foundRoot(place, { root: keys.root, threshold, targets, online: { snapshot, timestamp } });
  if (root !== undefined && !root.json.submitted) return root;
  if ((await place.repository.newest("targets")) !== undefined) return undefined;
  const delegation = (role: string, of: readonly TufKey[], wanted: number): Delegation => ({
    role,
    pathPrefix: `${role}/`,
    keys: of,
    threshold: wanted,
  });
  const delegations = [
    delegation("plan-keys", [planKeys], 1),
    delegation("recalls", [recalls], 1),
    delegation("agent", keys.agent, threshold),
    delegation("vendors", keys.vendors, threshold),
  ];
  return (await changeDelegations(place, { why: "The service's roles", delegations })).outcome;
}
