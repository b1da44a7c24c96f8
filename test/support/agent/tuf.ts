import { generateKeyPairSync } from "node:crypto";
import {
  digestOf,
  type FileDigest,
  newRoot,
  newSnapshot,
  newTargets,
  newTimestamp,
  signMetadata,
} from "../../../protocol/trust/edit.ts";
import { privateKeySigner, type Signer } from "../../../protocol/trust/signer.ts";
import { targetFileName } from "../../../protocol/trust/target-file.ts";

const day = 86_400_000;

/** A repository that tests publish to, and bend. */
export type TestRepository = {
  rootText: string;
  /** whoever holds them can bend what they sign; `roles` has each delegated role's */
  signers: Record<"root" | "targets" | "snapshot" | "timestamp", Signer> & { roles: Record<string, Signer> };
  /** Publishes these roles whole, each its paths and texts; `unnamed` roles are signed but left out of the snapshot. */
  publish(roles: Record<string, Record<string, string>>, unnamed?: readonly string[]): Promise<void>;
};

/**
 * Founds a repository with real keys under `files`, which holds every public file by `repository/name`.
 * @param roles role → the path prefix that is delegated to it
 */
export async function foundRepository(
  name: string,
  roles: Record<string, string>,
  files: Map<string, Uint8Array>,
  now: () => number,
): Promise<TestRepository> {
  const [root, top, snapshotKey, timestampKey] = [newSigner(), newSigner(), newSigner(), newSigner()];
  const publishers = Object.fromEntries(Object.keys(roles).map((role) => [role, newSigner()]));
  const signers = { root, targets: top, snapshot: snapshotKey, timestamp: timestampKey, roles: publishers };
  const one = (signer: Signer) => ({ keys: [signer.key], threshold: 1 });
  const heading = (version: number, days: number) => ({ version, expires: new Date(now() + days * day) });
  const put = (file: string, text: string) => files.set(`${name}/${file}`, Buffer.from(text));

  const rootText = await signMetadata(
    newRoot(heading(1, 365), {
      root: one(signers.root),
      targets: one(signers.targets),
      snapshot: one(signers.snapshot),
      timestamp: one(signers.timestamp),
    }),
    [signers.root],
  );
  put("1.root.json", rootText);
  const publisherOf = (role: string) => publishers[role] ?? top;
  const delegations = Object.entries(roles).map(([role, pathPrefix]) => ({
    role,
    pathPrefix,
    ...one(publisherOf(role)),
  }));
  const targets = await signMetadata(newTargets(heading(1, 365), new Map(), delegations), [signers.targets]);
  put("1.targets.json", targets);

  let version = 0;
  return {
    rootText,
    signers,
    async publish(contents, unnamed = []) {
      version++;
      const meta = new Map([["targets", { version: 1, ...digestOf(Buffer.from(targets)) }]]);
      for (const [role, paths] of Object.entries(contents)) {
        const named = new Map<string, FileDigest>();
        for (const [path, text] of Object.entries(paths)) {
          named.set(path, digestOf(Buffer.from(text)));
          put(targetFileName(path, digestOf(Buffer.from(text)).sha256), text);
        }
        const signed = await signMetadata(newTargets(heading(version, 180), named), [publisherOf(role)]);
        put(`${version}.${role}.json`, signed);
        if (!unnamed.includes(role)) meta.set(role, { version, ...digestOf(Buffer.from(signed)) });
      }
      const snapshot = await signMetadata(newSnapshot(heading(version, 7), meta), [signers.snapshot]);
      put(`${version}.snapshot.json`, snapshot);
      const timestamp = newTimestamp(heading(version, 3), { version, ...digestOf(Buffer.from(snapshot)) });
      put("timestamp.json", await signMetadata(timestamp, [signers.timestamp]));
    },
  };
}

/** A P-256 signer in memory. */
export function newSigner(): Signer {
  return privateKeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
}
