import { SutureError } from "../../protocol/errors.ts";
import { readMetadata, rootRolesOf } from "../../protocol/trust/edit.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";

type Pair<Key> = { snapshot: Key; timestamp: Key };
/** The keys that the service holds for a vendor: those that it was admitted with, and those that are to follow. */
type Held<Key> = { onlineKeys: Pair<Key>; nextOnlineKeys?: Pair<Key> };

/** The ids of the keys that a root lets sign its snapshot and timestamp. @throws SutureError `invalid-metadata` */
export function onlineIdsOf(root: string): Pair<string | undefined> {
  const { snapshot, timestamp } = rootRolesOf(readMetadata("root", root).signed);
  return { snapshot: snapshot.keys[0]?.keyid, timestamp: timestamp.keys[0]?.keyid };
}

/**
 * The vendor's keys that a root in force names: which of them count is the vendor's root to say, and is written nowhere else. Before the
 * first root it is those that the vendor was admitted with.
 * @throws SutureError `conflict` where the root names neither: the row that was read is older than the root
 */
export function namedIn<Key extends { key: TufKey }>(root: string | undefined, held: Held<Key>): Pair<Key> {
  const { onlineKeys, nextOnlineKeys } = held;
  if (root === undefined || isNamed(root, onlineKeys)) return onlineKeys;
  if (nextOnlineKeys !== undefined && isNamed(root, nextOnlineKeys)) return nextOnlineKeys;
  throw new SutureError("conflict", "The root that is in force names online keys that are not here; read them again");
}

/**
 * The keys that the next root must name: those in force, or those that are to follow where it names them. None comes back that was replaced.
 * @param root in force; undefined before the first
 * @throws what `namedIn` throws; `invalid-metadata`
 */
export function allowedIn<Key extends { key: TufKey }>(
  next: string,
  root: string | undefined,
  held: Held<Key>,
): Pair<Key> {
  const { nextOnlineKeys } = held;
  return nextOnlineKeys !== undefined && isNamed(next, nextOnlineKeys) ? nextOnlineKeys : namedIn(root, held);
}

function isNamed(root: string, { snapshot, timestamp }: Pair<{ key: TufKey }>): boolean {
  const named = onlineIdsOf(root);
  return named.snapshot === snapshot.key.keyid && named.timestamp === timestamp.key.keyid;
}
