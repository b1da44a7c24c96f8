import { SutureError } from "../../protocol/errors.ts";
import { digestOf, type FileDigest, newSnapshot, newTimestamp, signMetadata } from "../../protocol/trust/edit.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";

const hour = 3_600_000;
/** How long what the job signs is valid; milliseconds (design: "Trust"). */
const timestampValid = 72 * hour;
export const snapshotValid = 7 * 24 * hour;

/** A role's file as a snapshot names it. */
export type RoleFile = { version: number } & FileDigest;
/** Where the files are, and what time it is in milliseconds since the epoch. */
type Place = { blobs: Blobs; now: () => number };

/** Signs a snapshot of these roles, and writes it under its version. */
export async function writeSnapshot(
  repository: string,
  version: number,
  files: ReadonlyMap<string, RoleFile>,
  signers: readonly Signer[],
  { blobs, now }: Place,
): Promise<void> {
  const metadata = newSnapshot({ version, expires: new Date(now() + snapshotValid) }, files);
  const text = await signMetadata(metadata, signers);
  await writeOnce(blobs, metadataKey(repository, `${version}.snapshot.json`), Buffer.from(text));
}

/** The timestamp that names a snapshot which is written; its text as bytes. */
export async function signedTimestamp(
  repository: string,
  version: number,
  snapshot: number,
  signers: readonly Signer[],
  { blobs, now }: Place,
): Promise<Uint8Array> {
  const file = await blobs.get(metadataKey(repository, `${snapshot}.snapshot.json`));
  if (file === undefined) throw new SutureError("internal", `Snapshot ${snapshot} of ${repository} is lost`);
  const heading = { version, expires: new Date(now() + timestampValid) };
  return Buffer.from(
    await signMetadata(newTimestamp(heading, { version: snapshot, ...digestOf(file.bytes) }), signers),
  );
}

/** Writes a file whose name says its content: there already with the same bytes is as good. */
export async function writeOnce(blobs: Blobs, key: string, bytes: Uint8Array): Promise<void> {
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
