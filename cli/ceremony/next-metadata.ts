import { SutureError } from "../../protocol/errors.ts";
import {
  type Delegation,
  delegationsOf,
  filesOf,
  newRoot,
  newTargets,
  type RoleKeys,
  readMetadata,
  rootRolesOf,
  signMetadata,
} from "../../protocol/trust/edit.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import { refuseUnsignable } from "./proposal.ts";

const day = 86_400_000;
/** How long what a ceremony signs is valid, in milliseconds (design: "Trust"). */
export const valid = { root: 365 * day, targets: 365 * day, role: 180 * day };

export type RootRoles = ReturnType<typeof rootRolesOf>;

/** The root after `text`, or the first, unsigned. @throws SutureError `invalid-request` where too few could sign it */
export async function nextRoot(text: string | undefined, roles: RootRoles, now: Date): Promise<string> {
  for (const [name, keys] of Object.entries(roles)) refuseUnsignable(`The role ${name}`, keys);
  const version = text === undefined ? 1 : readMetadata("root", text).signed.version + 1;
  return await signMetadata(newRoot({ version, expires: new Date(now.getTime() + valid.root) }, roles), []);
}

/** The targets after `text`, or the first, unsigned. @throws SutureError `invalid-request` where too few could sign a role */
export async function nextTargets(
  text: string | undefined,
  delegations: readonly Delegation[],
  now: Date,
): Promise<string> {
  for (const delegation of delegations) refuseUnsignable(`The role ${delegation.role}`, delegation);
  const before = text === undefined ? undefined : readMetadata("targets", text).signed;
  const heading = { version: (before?.version ?? 0) + 1, expires: new Date(now.getTime() + valid.targets) };
  return await signMetadata(newTargets(heading, before === undefined ? new Map() : filesOf(before), delegations), []);
}

/** A delegated role as it stands, in its next version, unsigned. */
export async function nextRole(text: string, now: Date): Promise<string> {
  const { signed } = readMetadata("targets", text);
  const heading = { version: signed.version + 1, expires: new Date(now.getTime() + valid.role) };
  return await signMetadata(newTargets(heading, filesOf(signed)), []);
}

/** The delegations that targets make; none where there are no targets yet. */
export function delegationsIn(targets: string | undefined): Delegation[] {
  return targets === undefined ? [] : delegationsOf(readMetadata("targets", targets).signed);
}

/** The four roles of a root, with their keys. */
export function rolesIn(root: string): RootRoles {
  return rootRolesOf(readMetadata("root", root).signed);
}

/** A role that one key signs. */
export function oneKey(key: TufKey): RoleKeys {
  return { keys: [key], threshold: 1 };
}

/** A role's keys with one in the place of another, in it once. */
export function withKeyReplaced<R extends RoleKeys>(role: R, old: string, next: TufKey): R {
  const keys = role.keys.filter(({ keyid }) => keyid !== next.keyid);
  return { ...role, keys: keys.map((key) => (key.keyid === old ? next : key)) };
}

/** A role without one of its keys. */
export function withoutKey<R extends RoleKeys>(role: R, keyid: string): R {
  return { ...role, keys: role.keys.filter((key) => key.keyid !== keyid) };
}

/** The keys of both; of the two thresholds the smaller, so that what either signed verifies. */
export function eitherOf<R extends RoleKeys>(one: R, other: RoleKeys): R {
  const known = new Set(one.keys.map(({ keyid }) => keyid));
  const keys = [...one.keys, ...other.keys.filter(({ keyid }) => !known.has(keyid))];
  return { ...one, keys, threshold: Math.min(one.threshold, other.threshold) };
}

/** Whether two say the same: these keys, in whatever order, and so many of them. */
export function isSame(one: RoleKeys, other: RoleKeys): boolean {
  const idsOf = ({ keys }: RoleKeys) => [...new Set(keys.map(({ keyid }) => keyid))].sort().join();
  return one.threshold === other.threshold && idsOf(one) === idsOf(other);
}

/** The one key of those whose id begins with `prefix`. @throws SutureError `invalid-request` unless there is exactly one */
export function keyByPrefix(keys: readonly TufKey[], prefix: string): TufKey {
  const found = new Map(keys.filter(({ keyid }) => keyid.startsWith(prefix)).map((key) => [key.keyid, key]));
  const [only, ...others] = found.values();
  if (prefix.length < 8 || only === undefined || others.length > 0) {
    const ids = [...new Set(keys.map(({ keyid }) => keyid.slice(0, 16)))].join(", ");
    throw new SutureError("invalid-request", `${prefix} does not name one key by 8 digits or more; there are ${ids}`);
  }
  return only;
}
