import { SutureError } from "../../protocol/errors.ts";
import { digestOf, type FileDigest, newSnapshot, newTimestamp, signMetadata } from "../../protocol/trust/edit.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { Published, RepositoriesStore } from "../stores/repositories.ts";
import type { AcceptedRole, RolesStore } from "../stores/roles.ts";
import { recordPatches } from "./record-patches.ts";

const hour = 3_600_000;
/** How long what the job signs is valid, and how old it may grow before it is signed again; milliseconds (design: "Trust"). */
const timestampValid = 72 * hour;
const timestampRefresh = 8 * hour;
const snapshotValid = 7 * 24 * hour;
const snapshotRefresh = 3 * 24 * hour;

export type PublishDeps = {
  roles: RolesStore;
  repositories: RepositoriesStore;
  patches: PatchesStore;
  blobs: Blobs;
  /** the repository's own online keys, unwrapped for this run alone */
  keysOf: (repository: string) => Promise<{ snapshot: Signer; timestamp: Signer }>;
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
 * @throws SutureError `conflict` when another writer was there; whatever the stores and signers throw
 */
export async function publish(repository: string, deps: PublishDeps): Promise<PublishResult> {
  const accepted = new Map((await deps.roles.listAll(repository)).map((role) => [role.role, role]));
  // A vendor that has not finished its first upload has nothing that a client could verify
  if (!accepted.has("root") || !accepted.has("targets")) return { published: false, because: "incomplete" };
  const before = await deps.repositories.published(repository);
  const due = whatIsDue(accepted, before, deps.now());
  if (due === undefined) {
    // A run that was killed after `timestamp.json` has this left to do
    await recordPatches(repository, accepted, deps);
    return { published: false, because: "up-to-date" };
  }

  const reserved = await deps.repositories.reserve(repository, due);
  const files = await writeRoles(repository, accepted, deps);
  const keys = await deps.keysOf(repository);
  const snapshot = due === "both" || before === undefined ? reserved.snapshot : before.snapshot;
  if (due === "both") await writeSnapshot(repository, reserved.snapshot, files, keys.snapshot, deps);
  await writeTimestamp(repository, reserved.timestamp, snapshot, keys.timestamp, deps);

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

function whatIsDue(accepted: ReadonlyMap<string, AcceptedRole>, before: Published | undefined, now: number) {
  if (before === undefined) return "both";
  const changed = [...accepted.values()].some((role) => before.roles[role.role] !== role.version);
  if (changed) return "both";
  const age = now - before.signedAt;
  if (age >= snapshotRefresh) return "both";
  return age >= timestampRefresh ? "timestamp" : undefined;
}

async function writeRoles(repository: string, accepted: ReadonlyMap<string, AcceptedRole>, deps: PublishDeps) {
  const files = new Map<string, { version: number } & FileDigest>();
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

async function writeSnapshot(
  repository: string,
  version: number,
  files: ReadonlyMap<string, { version: number } & FileDigest>,
  signer: Signer,
  { blobs, now }: PublishDeps,
): Promise<void> {
  const metadata = newSnapshot({ version, expires: new Date(now() + snapshotValid) }, files);
  const text = await signMetadata(metadata, [signer]);
  await writeOnce(blobs, metadataKey(repository, `${version}.snapshot.json`), Buffer.from(text));
}

async function writeTimestamp(
  repository: string,
  version: number,
  snapshot: number,
  signer: Signer,
  { blobs, now }: PublishDeps,
): Promise<void> {
  const file = await blobs.get(metadataKey(repository, `${snapshot}.snapshot.json`));
  if (file === undefined) throw new SutureError("internal", `Snapshot ${snapshot} of ${repository} is lost`);
  const heading = { version, expires: new Date(now() + timestampValid) };
  const text = await signMetadata(newTimestamp(heading, { version: snapshot, ...digestOf(file.bytes) }), [signer]);
  const key = metadataKey(repository, "timestamp.json");
  const current = await blobs.stat(key);
  const condition = current === undefined ? { ifAbsent: true as const } : { ifMatch: current.etag };
  await blobs.put(key, Buffer.from(text), condition);
}

/** Writes a file whose name says its content: there already with the same bytes is as good. */
async function writeOnce(blobs: Blobs, key: string, bytes: Uint8Array): Promise<void> {
  try {
    await blobs.put(key, bytes, { ifAbsent: true });
  } catch (error) {
    const there = await blobs.get(key);
    if (there === undefined || !Buffer.from(there.bytes).equals(bytes)) throw error;
  }
}

/** Where the blob store keeps a repository's public file. */
export function metadataKey(repository: string, name: string): string {
  return `tuf/${repository}/${name}`;
}
