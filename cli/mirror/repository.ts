import { SutureError } from "../../protocol/errors.ts";
import { delegationsOf, digestOf, type FileDigest, filesOf, readMetadata } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { type FetchMetadata, type TrustedFiles, TrustedRepository } from "../../protocol/trust/verify.ts";
import { mirrorPath } from "../../protocol/wire/mirror.ts";
import type { MirrorFolder } from "./folder.ts";

/** A role's file may be as long as its signed length says; this is for a manifest. Bytes. */
const maxTarget = 4 * 1024 * 1024;

export type MirrorDeps = {
  folder: MirrorFolder;
  /** gets a public file of a repository at the service; undefined where there is none */
  fetch: (repository: string, name: string, maxBytes: number) => Promise<Uint8Array | undefined>;
  now: Date;
};

/** A repository as it was verified, not yet shown: `publish` puts its metadata into the folder, `timestamp.json` last. */
export type VerifiedRepository = {
  /** every target's text by its path */
  targets: ReadonlyMap<string, string>;
  /** how many files were written */
  publish(): Promise<number>;
};

/**
 * Verifies a repository by the client workflow (TUF specification 1.0.31, section 5), from what the folder trusts already, and copies
 * the targets that changed. Nothing that a reader of the folder looks at changes before `publish`.
 * @param firstRoot the root to begin with where the folder has none
 * @throws SutureError what `TrustedRepository.refresh` throws, or what the service answered
 */
export async function verifyRepository(
  repository: string,
  firstRoot: () => Promise<Uint8Array>,
  { folder, fetch, now }: MirrorDeps,
): Promise<VerifiedRepository> {
  const roots = new Map<string, Uint8Array>();
  const fetchOwn: FetchMetadata = async (name, maxBytes) => {
    const bytes = await fetch(repository, name, maxBytes);
    if (bytes !== undefined && name.endsWith(".root.json")) roots.set(name, bytes);
    return bytes;
  };
  const kept = await trustedBefore(repository, folder);
  const first = kept.get("root") === undefined ? await firstRoot() : undefined;
  if (first !== undefined) roots.set("1.root.json", first);
  const client = TrustedRepository.open(first === undefined ? kept : new Map([["root", first]]), now);
  await client.refresh(fetchOwn);
  const roles = delegationsOf(readMetadata("targets", textOf(client.files, "targets")).signed).map(({ role }) => role);
  await client.refresh(fetchOwn, roles);

  const texts = new Map<string, string>();
  let written = 0;
  const current = new Set<string>();
  for (const role of roles.filter((each) => client.files.has(each))) {
    for (const [path, digest] of filesOf(readMetadata("targets", textOf(client.files, role)).signed)) {
      const name = targetFileName(path, digest.sha256);
      current.add(name);
      const { text, isNew } = await copyTarget(name, digest);
      texts.set(path, text);
      if (isNew) written++;
    }
  }

  async function copyTarget(name: string, digest: FileDigest): Promise<{ text: string; isNew: boolean }> {
    const path = mirrorPath.metadata(repository, name);
    const there = await folder.read(path);
    if (there !== undefined && isThat(there, digest)) return { text: decode(there), isNew: false };
    if (digest.length > maxTarget) throw new SutureError("untrusted-metadata", `${name} is too large to be read`);
    const bytes = await fetch(repository, name, digest.length);
    if (bytes === undefined || !isThat(bytes, digest))
      throw new SutureError("untrusted-metadata", `${name} of ${repository} is not the file that was signed`);
    await folder.write(path, bytes);
    return { text: decode(bytes), isNew: true };
  }

  return {
    targets: texts,
    async publish() {
      const put = async (name: string, bytes: Uint8Array) => {
        current.add(name);
        const path = mirrorPath.metadata(repository, name);
        const there = await folder.read(path);
        if (there !== undefined && Buffer.from(there).equals(bytes)) return;
        await folder.write(path, bytes);
        written++;
      };
      const before = await namesOf(await trustedBefore(repository, folder));
      for (const [name, bytes] of roots) if (Number.parseInt(name, 10) <= client.versions.root) await put(name, bytes);
      for (const [name, bytes] of versioned(client.files)) await put(name, bytes);
      await put("timestamp.json", client.files.get("timestamp") ?? new Uint8Array());
      await removeBut(new Set([...current, ...before]));
      return written;
    },
  };

  /** Leaves what is shown now, and what was until now: somebody may be reading it. Roots stay for ever. */
  async function removeBut(wanted: ReadonlySet<string>): Promise<void> {
    const own = mirrorPath.metadata(repository, "");
    for (const path of await folder.list(own)) {
      const name = path.slice(own.length);
      if (!wanted.has(name) && !/^\d+\.root\.json$/.test(name)) await folder.remove(path);
    }
  }
}

/** What a mirror's folder shows of a repository: role → the exact bytes. Verified anew by whoever opens it. */
async function trustedBefore(repository: string, folder: MirrorFolder): Promise<Map<string, Uint8Array>> {
  const read = (name: string) => folder.read(mirrorPath.metadata(repository, name));
  const files = new Map<string, Uint8Array>();
  const add = (role: string, bytes: Uint8Array | undefined) => bytes && files.set(role, bytes);
  for (let version = 1; ; version++) {
    const root = await read(`${version}.root.json`);
    if (root === undefined) break;
    files.set("root", root);
  }
  const timestamp = await read("timestamp.json");
  if (timestamp === undefined) return files;
  files.set("timestamp", timestamp);
  const { snapshotMeta } = readMetadata("timestamp", decode(timestamp)).signed;
  const snapshot = await read(`${snapshotMeta.version}.snapshot.json`);
  if (snapshot === undefined) return files;
  files.set("snapshot", snapshot);
  for (const [name, { version }] of Object.entries(readMetadata("snapshot", decode(snapshot)).signed.meta))
    add(name.replace(/\.json$/, ""), await read(`${version}.${name}`));
  return files;
}

/** The files that trusted metadata consists of, by their names in a repository, targets among them; not the timestamp. */
async function namesOf(files: TrustedFiles): Promise<string[]> {
  const targets = [...files].flatMap(([role, bytes]) =>
    isTargets(role)
      ? [...filesOf(readMetadata("targets", decode(bytes)).signed)].map(([path, { sha256 }]) =>
          targetFileName(path, sha256),
        )
      : [],
  );
  return [...targets, ...versioned(files).map(([name]) => name)];
}

/** Snapshot and roles under the names that hold their versions; the roles first, so that the snapshot names nothing missing. */
function versioned(files: TrustedFiles): [name: string, bytes: Uint8Array][] {
  const roles = [...files].filter(([role]) => isTargets(role));
  const snapshot = files.get("snapshot");
  const named = roles.map(([role, bytes]): [string, Uint8Array] => {
    return [`${readMetadata("targets", decode(bytes)).signed.version}.${role}.json`, bytes];
  });
  if (snapshot === undefined) return named;
  return [...named, [`${readMetadata("snapshot", decode(snapshot)).signed.version}.snapshot.json`, snapshot]];
}

function isTargets(role: string): boolean {
  return !["root", "timestamp", "snapshot"].includes(role);
}

function isThat(bytes: Uint8Array, { sha256, length }: FileDigest): boolean {
  return bytes.length === length && digestOf(bytes).sha256 === sha256;
}

function textOf(files: TrustedFiles, role: string): string {
  return decode(files.get(role) ?? new Uint8Array());
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
