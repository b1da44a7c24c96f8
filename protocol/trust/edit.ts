import { createHash } from "node:crypto";
import { canonicalize } from "@tufjs/canonical-json";
import {
  Metadata,
  MetadataKind,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from "@tufjs/models";
import { SutureError } from "../errors.ts";
import { type Signer, type TufKey, tufKey } from "./signer.ts";

/** Whose keys sign a role, and how many of them it takes. */
export type RoleKeys = { keys: readonly TufKey[]; threshold: number };
type Heading = { version: number; expires: Date };

/** A delegation by Suture's rule: one role for one path prefix, terminating, so that no other role can speak for the path. */
export type Delegation = RoleKeys & { role: string; pathPrefix: string };
/** What metadata says of a file: SHA-256 in hexadecimal, and its length in bytes. */
export type FileDigest = { sha256: string; length: number };

/** SHA-256 and length of a file's bytes. */
export function digestOf(bytes: Uint8Array): FileDigest {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), length: bytes.length };
}

/** Root metadata of a repository with consistent snapshots. */
export function newRoot(
  heading: Heading,
  roles: Record<"root" | "targets" | "snapshot" | "timestamp", RoleKeys>,
): Root {
  return Root.fromJSON({
    _type: "root",
    ...fields(heading),
    consistent_snapshot: true,
    keys: keysJson(Object.values(roles)),
    roles: Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, roleJson(role)])),
  });
}

/** Targets metadata: a role's files by path, and, for the top-level role, its delegations. */
export function newTargets(
  heading: Heading,
  files: ReadonlyMap<string, FileDigest>,
  delegations: readonly Delegation[] = [],
): Targets {
  const roles = delegations.map((delegation) => ({
    ...roleJson(delegation),
    name: delegation.role,
    terminating: true,
    paths: [`${delegation.pathPrefix}*`],
  }));
  return Targets.fromJSON({
    _type: "targets",
    ...fields(heading),
    targets: Object.fromEntries([...files].map(([path, file]) => [path, targetFile(path, file).toJSON()])),
    ...(roles.length > 0 && { delegations: { keys: keysJson(delegations), roles } }),
  });
}

/** Snapshot metadata: every targets role's version and digest. This is the service's consent to what they say. */
export function newSnapshot(heading: Heading, roles: ReadonlyMap<string, { version: number } & FileDigest>): Snapshot {
  const meta = Object.fromEntries([...roles].map(([role, file]) => [`${role}.json`, toMetaFile(file)]));
  return new Snapshot({ ...options(heading), meta });
}

/** Timestamp metadata: which snapshot is the newest. */
export function newTimestamp(heading: Heading, snapshot: { version: number } & FileDigest): Timestamp {
  return new Timestamp({ ...options(heading), snapshotMeta: toMetaFile(snapshot) });
}

/**
 * Signs metadata with each signer and returns the file's text. Signatures of `earlier` over the same content are kept, so
 * that M people can sign one after the other.
 */
export async function signMetadata(
  signed: Root | Targets | Snapshot | Timestamp,
  signers: readonly Signer[],
  earlier: Readonly<Record<string, Signature>> = {},
): Promise<string> {
  const metadata = new Metadata(signed, { ...earlier });
  const bytes = Buffer.from(canonicalize(signed.toJSON()));
  for (const signer of signers) {
    // Metadata.sign is synchronous; a signer may be a hardware key or a service
    const signature = Buffer.from(await signer.sign(bytes)).toString("hex");
    metadata.signatures[signer.key.keyid] = new Signature({ keyID: signer.key.keyid, sig: signature });
  }
  return JSON.stringify(metadata.toJSON());
}

type Kinds = { root: Root; targets: Targets; snapshot: Snapshot; timestamp: Timestamp };

/**
 * Reads a metadata file without trusting it.
 * @throws SutureError `invalid-metadata`
 */
export function readMetadata<K extends keyof Kinds>(kind: K, text: string): Metadata<Kinds[K]> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw new TypeError("not an object");
    const metadata = parsers[kind](json as Parameters<typeof Metadata.fromJSON>[1]);
    if (Number.isNaN(Date.parse(metadata.signed.expires))) throw new TypeError("expires is not a date");
    return metadata as Metadata<Kinds[K]>;
  } catch (cause) {
    throw new SutureError("invalid-metadata", `This is no ${kind} metadata`, { cause });
  }
}

type Json = Parameters<typeof Metadata.fromJSON>[1];
const parsers = {
  root: (json: Json) => Metadata.fromJSON(MetadataKind.Root, json),
  targets: (json: Json) => Metadata.fromJSON(MetadataKind.Targets, json),
  snapshot: (json: Json) => Metadata.fromJSON(MetadataKind.Snapshot, json),
  timestamp: (json: Json) => Metadata.fromJSON(MetadataKind.Timestamp, json),
};

/** The files that targets metadata names, by path. */
export function filesOf(targets: Targets): Map<string, FileDigest> {
  return new Map(
    Object.values(targets.targets).map((file) => [
      file.path,
      { sha256: file.hashes.sha256 ?? "", length: file.length },
    ]),
  );
}

/** The delegations of top-level targets, as `newTargets` takes them. */
export function delegationsOf({ delegations }: Targets): Delegation[] {
  return Object.values(delegations?.roles ?? {}).map((role) => ({
    role: role.name,
    pathPrefix: (role.paths?.[0] ?? "").replace(/\*$/, ""),
    threshold: role.threshold,
    keys: role.keyIDs.map((keyid) => ({ ...tufKey(delegations?.keys[keyid]?.keyVal.public ?? ""), keyid })),
  }));
}

/** The four roles of a root, as `newRoot` takes them. */
export function rootRolesOf(root: Root): Parameters<typeof newRoot>[1] {
  const keysOf = (name: "root" | "targets" | "snapshot" | "timestamp"): RoleKeys => {
    const { keyIDs = [], threshold = 0 } = root.roles[name] ?? {};
    return { threshold, keys: keyIDs.map((keyid) => ({ ...tufKey(root.keys[keyid]?.keyVal.public ?? ""), keyid })) };
  };
  return {
    root: keysOf("root"),
    targets: keysOf("targets"),
    snapshot: keysOf("snapshot"),
    timestamp: keysOf("timestamp"),
  };
}

const specVersion = "1.0.31";

/** Section 4.2.1 wants whole seconds; other clients refuse milliseconds. */
function options({ version, expires }: Heading) {
  return { specVersion, version, expires: expires.toISOString().replace(/\.\d{3}Z$/, "Z") };
}

function fields(heading: Heading) {
  const { version, expires } = options(heading);
  return { spec_version: specVersion, version, expires };
}

function keysJson(roles: readonly RoleKeys[]) {
  const keys = roles.flatMap((role) => role.keys);
  return Object.fromEntries(
    keys.map(({ keyid, keytype, scheme, keyval }) => [keyid, { keytype, scheme, keyval: { ...keyval } }]),
  );
}

function roleJson({ keys, threshold }: RoleKeys) {
  const keyids = [...new Set(keys.map((key) => key.keyid))];
  if (threshold < 1 || threshold > keyids.length) {
    throw new SutureError("invalid-metadata", `${threshold} of ${keyids.length} keys can never sign`);
  }
  return { keyids, threshold };
}

function targetFile(path: string, file: FileDigest): TargetFile {
  return new TargetFile({ path, length: file.length, hashes: { sha256: file.sha256 } });
}

function toMetaFile(file: { version: number } & FileDigest): MetaFile {
  return new MetaFile({ version: file.version, length: file.length, hashes: { sha256: file.sha256 } });
}
