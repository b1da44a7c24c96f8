import { isSutureError, SutureError } from "../../protocol/errors.ts";
import {
  delegationsOf,
  filesOf,
  newRoot,
  newTargets,
  readMetadata,
  rootRolesOf,
  signMetadata,
} from "../../protocol/trust/edit.ts";
import type { Signer, TufKey } from "../../protocol/trust/signer.ts";
import type { Client } from "../client.ts";
import { newestRole, sendRole } from "../vendor-roles.ts";
import { refuseUnsignable } from "./proposal.ts";

const day = 86_400_000;
const valid = { root: 365 * day, targets: 365 * day, role: 180 * day };

type Roles = ReturnType<typeof rootRolesOf>;
type Delegations = ReturnType<typeof delegationsOf>;

/** The newest text of a role. @throws SutureError `not-found` where there is none yet */
export async function newestText(client: Client, vendor: string, role: string): Promise<string> {
  const view = await newestRole(client, vendor, role);
  if (view === undefined) throw new SutureError("not-found", `${vendor} has no ${role} yet`);
  return view.text;
}

/** Sends the next version of a role; whatever files it names are there already. */
export async function send(client: Client, vendor: string, role: string, text: string): Promise<void> {
  await sendRole(client, vendor, role, { text });
}

/** The root after `text`, unsigned, with its roles changed. @throws SutureError `invalid-request` where too few could sign it */
export async function nextRoot(text: string, change: (roles: Roles) => Roles, now: Date): Promise<string> {
  const { signed } = readMetadata("root", text);
  const roles = change(rootRolesOf(signed));
  for (const [name, { keys, threshold }] of Object.entries(roles))
    refuseUnsignable(`The role ${name}`, keys, threshold);
  const heading = { version: signed.version + 1, expires: new Date(now.getTime() + valid.root) };
  return await signMetadata(newRoot(heading, roles), []);
}

/** The targets after `text`, signed by `signers`, with its delegations changed. */
export async function nextTargets(
  text: string,
  change: (delegations: Delegations) => Delegations,
  signers: readonly Signer[],
  now: Date,
): Promise<string> {
  const { signed } = readMetadata("targets", text);
  const delegations = change(delegationsOf(signed));
  for (const { role, keys, threshold } of delegations) refuseUnsignable(`The role ${role}`, keys, threshold);
  const heading = { version: signed.version + 1, expires: new Date(now.getTime() + valid.targets) };
  return await signMetadata(newTargets(heading, filesOf(signed), delegations), signers);
}

/** Signs a product channel's role again as it stands. Answers whether it was there to be signed. */
export async function resignRole(
  client: Client,
  vendor: string,
  role: string,
  signers: readonly Signer[],
  now: Date,
): Promise<boolean> {
  let text: string;
  try {
    text = await newestText(client, vendor, role);
  } catch (error) {
    if (isSutureError(error, "not-found")) return false;
    throw error;
  }
  const { signed } = readMetadata("targets", text);
  const heading = { version: signed.version + 1, expires: new Date(now.getTime() + valid.role) };
  await send(client, vendor, role, await signMetadata(newTargets(heading, filesOf(signed)), signers));
  return true;
}

/** A list of keys with one in the place of another. */
export function replaceKey(keys: readonly TufKey[], old: string, next: TufKey): TufKey[] {
  return keys.map((key) => (key.keyid === old ? next : key));
}

/** The one key of those whose id begins with `prefix`. @throws SutureError `invalid-request` unless there is exactly one */
export function keyByPrefix(keys: readonly TufKey[], prefix: string): TufKey {
  const found = new Map(keys.filter(({ keyid }) => keyid.startsWith(prefix)).map((key) => [key.keyid, key]));
  const [only, ...others] = found.values();
  if (prefix.length < 8 || only === undefined || others.length > 0) {
    const ids = [...new Set(keys.map(({ keyid }) => keyid.slice(0, 16)))].join(", ");
    throw new SutureError("invalid-request", `${prefix} does not name one key by 8 digits or more; there are ${ids}`);
  }
  return only;
}

function _path(vendor: string, role: string): string {
  return `/v1/vendors/${vendor}/metadata/${role}`;
}
