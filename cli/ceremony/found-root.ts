import { readFile } from "node:fs/promises";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { newRoot, signMetadata } from "../../protocol/trust/edit.ts";
import { type TufKey, tufKey } from "../../protocol/trust/signer.ts";
import type { Client } from "../client.ts";
import type { Result } from "../io.ts";
import { carryOut } from "./carry-out.ts";
import { refuseUnsignable } from "./proposal.ts";
import { newestText } from "./vendor-metadata.ts";

const rootValid = 365 * 86_400_000;

export type FirstRoot = {
  root: readonly TufKey[];
  threshold: number;
  targets: TufKey;
  online: { snapshot: TufKey; timestamp: TufKey };
};

/** The public keys of files that `suture vendor key` wrote. @throws SutureError `invalid-request` for one key in two files */
export async function readPublicKeys(files: readonly string[]): Promise<TufKey[]> {
  const keys = await Promise.all(files.map(async (file) => tufKey(await readFile(file, "utf8"))));
  if (new Set(keys.map(({ keyid }) => keyid)).size < keys.length)
    throw new SutureError("invalid-request", "Two of the --root-key files hold the same key: each person makes one");
  return keys;
}

/**
 * Proposes a vendor's first root, of keys that lie with several people. Where the vendor has a root there is nothing to do.
 * @returns what the proposal came to; undefined where a root is in force
 */
export async function foundRootTogether(
  client: Client,
  vendor: string,
  directory: string,
  { root, threshold, targets, online }: FirstRoot,
  now: Date,
): Promise<Result | undefined> {
  try {
    await newestText(client, vendor, "root");
    return undefined;
  } catch (error) {
    if (!isSutureError(error, "not-found")) throw error;
  }
  refuseUnsignable("The root", root, threshold);
  const one = (key: TufKey) => ({ keys: [key], threshold: 1 });
  const roles = {
    root: { keys: root, threshold },
    targets: one(targets),
    snapshot: one(online.snapshot),
    timestamp: one(online.timestamp),
  };
  const text = await signMetadata(newRoot({ version: 1, expires: new Date(now.getTime() + rootValid) }, roles), []);
  const why = `The first root, of ${threshold} of ${root.length} keys`;
  return await carryOut(client, directory, { proposal: 1, vendor, role: "root", why, root: null, text });
}
