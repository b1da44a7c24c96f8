import { generateKeyPairSync } from "node:crypto";
import {
  digestOf,
  type FileDigest,
  newRoot,
  newTargets,
  type RoleKeys,
  signMetadata,
} from "../../protocol/trust/edit.ts";
import { privateKeySigner, type Signer, type TufKey } from "../../protocol/trust/signer.ts";

const day = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * day);
const one = (signer: Signer): RoleKeys => ({ keys: [signer.key], threshold: 1 });

/** A P-256 signer in memory. */
export function memorySigner(): Signer {
  return privateKeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
}

/** A vendor's hand: signs whatever it is asked to, right or wrong, with keys of its own. */
export function vendorPen(online: { snapshot: TufKey; timestamp: TufKey }) {
  const [root, targets, publisher] = [memorySigner(), memorySigner(), memorySigner()];
  return {
    /** @param named the online keys that it names */
    root: (version = 1, targetsKeys = [targets], named = online) =>
      signMetadata(
        newRoot(
          { version, expires: inDays(365) },
          {
            root: one(root),
            targets: { keys: targetsKeys.map(({ key }) => key), threshold: 1 },
            snapshot: { keys: [named.snapshot], threshold: 1 },
            timestamp: { keys: [named.timestamp], threshold: 1 },
          },
        ),
        [root],
      ),
    targets: (version = 1) =>
      signMetadata(
        newTargets({ version, expires: inDays(365) }, new Map(), [
          { role: "echod.edge", pathPrefix: "echod/edge/", ...one(publisher) },
        ]),
        [targets],
      ),
    role: (version: number, files: Readonly<Record<string, string>>, { signer = publisher, days = 180 } = {}) =>
      signMetadata(newTargets({ version, expires: inDays(days) }, digests(files)), [signer]),
  };
}

function digests(files: Readonly<Record<string, string>>): Map<string, FileDigest> {
  return new Map(Object.entries(files).map(([path, text]) => [path, digestOf(Buffer.from(text))]));
}
