import type { z } from "zod";
import { isSutureError, SutureError } from "../protocol/errors.ts";
import {
  type Delegation,
  delegationsOf,
  newRoot,
  newTargets,
  readMetadata,
  signMetadata,
} from "../protocol/trust/edit.ts";
import type { Signer, TufKey } from "../protocol/trust/signer.ts";
import { Channel, roleName } from "../protocol/wire/names.ts";
import { RoleAccepted, type RoleUpdate, RoleView } from "../protocol/wire/vendor.ts";
import { at, type Client, read } from "./client.ts";

const day = 86_400_000;
const rootValid = 365 * day;
const targetsValid = 365 * day;
const rootThreshold = 2;

/**
 * Sends the vendor's first root, unless there is one that these keys sign.
 * @throws SutureError `conflict` where the vendor has a root of other keys
 */
export async function foundRoot(
  client: Client,
  vendor: string,
  keys: { root: readonly Signer[]; targets: Signer; online: { snapshot: TufKey; timestamp: TufKey } },
  now: Date,
): Promise<void> {
  const current = await newestRole(client, vendor, "root");
  if (current !== undefined) {
    const { signed } = readMetadata("root", current.text);
    if (keys.root.some(({ key }) => signed.keys[key.keyid] !== undefined)) return;
    throw new SutureError(
      "conflict",
      `${vendor} has a root already, and these keys do not sign it: give --keys with its own`,
    );
  }
  const root = newRoot(
    { version: 1, expires: new Date(now.getTime() + rootValid) },
    {
      root: { keys: keys.root.map(({ key }) => key), threshold: rootThreshold },
      targets: { keys: [keys.targets.key], threshold: 1 },
      snapshot: { keys: [keys.online.snapshot], threshold: 1 },
      timestamp: { keys: [keys.online.timestamp], threshold: 1 },
    },
  );
  await sendRole(client, vendor, "root", { text: await signMetadata(root, keys.root) });
}

/**
 * Delegates a product's three channels to the publishing key, in the next version of the vendor's targets.
 * @returns whether anything was to be done
 * @throws SutureError `conflict` when somebody else changed targets at the same time
 */
export async function delegateProduct(
  client: Client,
  vendor: string,
  product: string,
  { targets, publishing, now }: { targets: Signer; publishing: TufKey; now: Date },
): Promise<boolean> {
  const current = await newestRole(client, vendor, "targets");
  const before = current === undefined ? [] : delegationsOf(readMetadata("targets", current.text).signed);
  const known = new Set(before.map(({ role }) => role));
  const missing: Delegation[] = Channel.options
    .filter((channel) => !known.has(roleName(product, channel)))
    .map((channel) => ({
      role: roleName(product, channel),
      pathPrefix: `${product}/${channel}/`,
      keys: [publishing],
      threshold: 1,
    }));
  if (missing.length === 0) return false;
  const heading = { version: (current?.version ?? 0) + 1, expires: new Date(now.getTime() + targetsValid) };
  const text = await signMetadata(newTargets(heading, new Map(), [...before, ...missing]), [targets]);
  await sendRole(client, vendor, "targets", { text });
  return true;
}

/** The newest version of a role that the service accepted; undefined where there is none yet. */
export async function newestRole({ api }: Client, vendor: string, role: string): Promise<RoleView | undefined> {
  try {
    return await read(api.vendors[":vendor"].metadata[":role"].$get({ param: at({ vendor, role }) }), RoleView);
  } catch (error) {
    if (isSutureError(error, "not-found")) return undefined;
    throw error;
  }
}

/** Sends the next version of a role. @throws SutureError the service's refusals */
export async function sendRole(
  { api }: Client,
  vendor: string,
  role: string,
  json: z.input<typeof RoleUpdate>,
): Promise<RoleAccepted> {
  const sent = api.vendors[":vendor"].metadata[":role"].$put({ param: at({ vendor, role }), json });
  return await read(sent, RoleAccepted);
}
