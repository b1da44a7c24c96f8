import { isDeepStrictEqual } from "node:util";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { digestOf, readMetadata } from "../../protocol/trust/edit.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import { onlineIdsOf } from "../domain/online-keys.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { Published, RepositoriesStore } from "../stores/repositories.ts";
import type { AcceptedRole, RolesStore } from "../stores/roles.ts";
import {
  metadataKey,
  type RoleFile,
  signedTimestamp,
  snapshotValid,
  writeOnce,
  writeSnapshot,
} from "./online-metadata.ts";
import { recordPatches } from "./record-patches.ts";

const hour = 3_600_000;
/** How old what the job signs may grow before it is signed again; milliseconds (design: "Trust"). */
const timestampRefresh = 8 * hour;
const snapshotRefresh = 3 * 24 * hour;
/** How far ahead of this clock another instance of the job may have signed, in milliseconds. */
const clockTolerance = 10 * 60_000;

type OnlineSigners = { snapshot: Signer; timestamp: Signer };
export type PublishDeps = {
  roles: RolesStore;
  repositories: RepositoriesStore;
  patches: PatchesStore;
  blobs: Blobs;
  /** the repository's own online keys that a root of it names, unwrapped for this run alone */
  keysOf: (repository: string, root: string) => Promise<OnlineSigners>;
  /** milliseconds since the epoch */
  now: () => number;
};

/** What a run came to: whether something new is public, and the versions that are public now. */
export type PublishResult =
  | { published: true; versions: Published }
  | { published: false; because: "up-to-date" | "incomplete" };

/**
 * Brings a repository up to date with what its owner signed. It is the one writer of the repository's files, and runs once at a
 * time for each. Versions are reserved before they are signed; versioned files come first and `timestamp.json` last, so that a run
 * killed at any step leaves a repository that every client accepts, and the next run goes on.
 * @throws SutureError `conflict` when another writer was there; `rollback-detected` when the tables are older than what is public;
 * whatever the stores and signers throw
 */
export async function publish(repository: string, deps: PublishDeps): Promise<PublishResult> {
  // First of all: a run that another one overtakes after this, however late it goes on, replaces nothing
  const found = await shownNow(repository, deps.blobs);
  const accepted = new Map((await deps.roles.listAll(repository)).map((role) => [role.role, role]));
  // A vendor that has not finished its first upload has nothing that a client could verify
  const root = accepted.get("root");
  if (root === undefined || !accepted.has("targets")) return { published: false, because: "incomplete" };
  refuseOlder(repository, accepted, found);
  const before = await deps.repositories.published(repository);
  const due = whatIsDue(accepted, before, found, deps.now());
  if (due === undefined) {
    // A run that was killed after `timestamp.json` has this left to do
    await recordPatches(repository, accepted, deps);
    return { published: false, because: "up-to-date" };
  }

  const keys = await deps.keysOf(repository, root.body);
  const shown = due === "both" ? await withKeysOfBoth(repository, root, { shown: found, keys }, deps) : found;
  const reserved = await deps.repositories.reserve(repository, due, shown);
  const files = await writeRoles(repository, accepted, deps);
  const snapshot = due === "both" || before === undefined ? reserved.snapshot : before.snapshot;
  if (due === "both") await writeSnapshot(repository, reserved.snapshot, files, [keys.snapshot], deps);
  const timestamp = await signedTimestamp(repository, reserved.timestamp, snapshot, [keys.timestamp], deps);
  const condition = shown.etag === undefined ? { ifAbsent: true as const } : { ifMatch: shown.etag };
  await deps.blobs.put(metadataKey(repository, "timestamp.json"), timestamp, condition);

  const versions: Published = {
    snapshot,
    timestamp: reserved.timestamp,
    signedAt: deps.now(),
    roles: Object.fromEntries([...accepted.values()].map((role) => [role.role, role.version])),
  };
  await deps.repositories.recordPublished(repository, versions);
  await recordPatches(repository, accepted, deps);
  return { published: true, versions };
}

/** What `timestamp.json` shows: the versions, those of the roles in its snapshot, and the tag that replacing it must name. */
type Shown = {
  snapshot: number;
  timestamp: number;
  roles: ReadonlyMap<string, RoleFile>;
  etag?: string;
  /** when the snapshot was signed; milliseconds since the epoch */
  snapshotAt?: number;
};

async function shownNow(repository: string, blobs: Blobs): Promise<Shown> {
  const file = await blobs.get(metadataKey(repository, "timestamp.json"));
  if (file === undefined) return { snapshot: 0, timestamp: 0, roles: new Map() };
  const { version, snapshotMeta } = readMetadata("timestamp", Buffer.from(file.bytes).toString("utf8")).signed;
  const snapshot = await blobs.get(metadataKey(repository, `${snapshotMeta.version}.snapshot.json`));
  if (snapshot === undefined)
    throw new SutureError("internal", `Snapshot ${snapshotMeta.version} of ${repository} is lost`);
  const { meta, expires } = readMetadata("snapshot", Buffer.from(snapshot.bytes).toString("utf8")).signed;
  const roles = new Map(
    Object.entries(meta).map(([name, { version: at, length = 0, hashes = {} }]) => [
      name.replace(/\.json$/, ""),
      { version: at, length, sha256: hashes.sha256 ?? "" },
    ]),
  );
  const snapshotAt = Date.parse(expires) - snapshotValid;
  return { snapshot: snapshotMeta.version, timestamp: version, roles, etag: file.etag, snapshotAt };
}

/** Clients would take it for an attack, and rightly. */
function refuseOlder(repository: string, accepted: ReadonlyMap<string, AcceptedRole>, { roles }: Shown): void {
  for (const [role, { version }] of roles) {
    const known = accepted.get(role)?.version ?? 0;
    if (known >= version) continue;
    const detail = `${role} of ${repository} is public in version ${version}, and the table has ${known}: it was restored from an older copy`;
    throw new SutureError("rollback-detected", detail);
  }
}

function whatIsDue(
  accepted: ReadonlyMap<string, AcceptedRole>,
  before: Published | undefined,
  shown: Shown,
  now: number,
) {
  if (before === undefined || before.snapshot < shown.snapshot) return "both";
  const changed = [...accepted.values()].some((role) => before.roles[role.role] !== role.version);
  if (changed) return "both";
  // Signed while this clock was ahead: it would be valid, and could be shown instead of something newer, for as long as that
  if ((shown.snapshotAt ?? 0) > now + clockTolerance) return "both";
  if (before.signedAt > now + clockTolerance) return "timestamp";
  // By the snapshot's own age: each new timestamp makes `signedAt` young again
  if (now - (shown.snapshotAt ?? 0) >= snapshotRefresh) return "both";
  return now - before.signedAt >= timestampRefresh ? "timestamp" : undefined;
}

/**
 * Where the root that is to follow names other online keys than the one that is public, what is public is first signed by both: between
 * the new root and the new timestamp every client finds signatures that its root wants (docs/adr/0061).
 * @returns what is public then
 */
async function withKeysOfBoth(
  repository: string,
  root: AcceptedRole,
  { shown, keys }: { shown: Shown; keys: OnlineSigners },
  deps: PublishDeps,
): Promise<Shown> {
  if (shown.etag === undefined) return shown;
  const old = await newestPublicRoot(repository, root.version, deps.blobs);
  if (old === undefined || isDeepStrictEqual(onlineIdsOf(old), onlineIdsOf(root.body))) return shown;
  const before = await deps.keysOf(repository, old).catch(unlessLost);
  if (before === undefined) return shown;
  const { snapshot, timestamp } = await deps.repositories.reserve(repository, "both", shown);
  await writeSnapshot(repository, snapshot, shown.roles, [before.snapshot, keys.snapshot], deps);
  const bytes = await signedTimestamp(repository, timestamp, snapshot, [before.timestamp, keys.timestamp], deps);
  const { etag } = await deps.blobs.put(metadataKey(repository, "timestamp.json"), bytes, { ifMatch: shown.etag });
  return { ...shown, snapshot, timestamp, etag, snapshotAt: deps.now() };
}

/** Where the old keys can never be opened again, hosts refuse the repository for the seconds of this run, and not for ever. */
function unlessLost(error: unknown): undefined {
  if (!isSutureError(error, "forbidden")) throw error;
}

async function newestPublicRoot(repository: string, newest: number, blobs: Blobs): Promise<string | undefined> {
  for (let version = newest; version >= 1; version--) {
    const file = await blobs.get(metadataKey(repository, `${version}.root.json`));
    if (file !== undefined) return Buffer.from(file.bytes).toString("utf8");
  }
  return undefined;
}

async function writeRoles(repository: string, accepted: ReadonlyMap<string, AcceptedRole>, deps: PublishDeps) {
  const files = new Map<string, RoleFile>();
  for (const { role, version, body } of accepted.values()) {
    if (role === "root") await writeRoots(repository, version, deps);
    else {
      const bytes = Buffer.from(body);
      await writeOnce(deps.blobs, metadataKey(repository, `${version}.${role}.json`), bytes);
      files.set(role, { version, ...digestOf(bytes) });
    }
  }
  return files;
}

/** Every root stays public for ever: a client walks from the one that it trusts to the newest. */
async function writeRoots(repository: string, newest: number, deps: PublishDeps): Promise<void> {
  for (let version = newest; version >= 1; version--) {
    const key = metadataKey(repository, `${version}.root.json`);
    if ((await deps.blobs.stat(key)) !== undefined) return;
    const root = await deps.roles.root(repository, version);
    if (root === undefined) throw new SutureError("internal", `Root ${version} of ${repository} is lost`);
    await writeOnce(deps.blobs, key, Buffer.from(root.body));
  }
}
