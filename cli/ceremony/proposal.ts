import { Key, type Metadata, type Root, type Targets } from "@tufjs/models";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { addSignatures } from "../../protocol/trust/dsse.ts";
import { delegationsOf, type RoleKeys, readMetadata, rootRolesOf, signMetadata } from "../../protocol/trust/edit.ts";
import type { Signer, TufKey } from "../../protocol/trust/signer.ts";
import { Name } from "../../protocol/wire/names.ts";
import { RoleUpdate } from "../../protocol/wire/vendor.ts";

/**
 * The next version of a role on its way from one signer to the next. It holds nothing secret, and nobody needs the network to sign it: a
 * file that travels.
 */
export const Proposal = z.strictObject({
  proposal: z.literal(1),
  /** a vendor's, or `service` */
  repository: Name,
  role: z.string().max(80),
  /** what it changes, for those who are asked to sign */
  why: z.string(),
  /** the metadata in force that says whose signatures it takes; null before the first root */
  by: z.string().nullable(),
  /** the one that is to follow, where the role must have the signatures that both want */
  next: z.string().optional(),
  /** the metadata, with the signatures that it has so far */
  text: z.string(),
  /** what goes to the service with it */
  ...RoleUpdate.omit({ text: true }).shape,
  /** ids of the keys that come into force with it, and take the place of others */
  promotes: z.array(z.string()).default([]),
});
export type Proposal = z.infer<typeof Proposal>;

/** Whose signatures count, how many it takes, and which are there. */
type Wanted = { by: string; threshold: number; signed: TufKey[]; unsigned: TufKey[] };

/** Signs a proposal with those of the keys that it waits for; answers it, and how many signed. */
export async function signProposal(proposal: Proposal, signers: readonly Signer[]): Promise<[Proposal, number]> {
  const waiting = new Set(wantedOf(proposal).flatMap(({ unsigned }) => unsigned.map(({ keyid }) => keyid)));
  const mine = signers.filter(({ key }) => waiting.has(key.keyid));
  const { signed, signatures } = metadataOf(proposal);
  const publications = await signStatements(proposal.publications, mine);
  const text = await signMetadata(signed, mine, signatures);
  return [{ ...proposal, ...(publications && { publications }), text }, mine.length];
}

/** Whoever signs a role signs the statements about its new patches too. */
async function signStatements(publications: Proposal["publications"], mine: readonly Signer[]) {
  if (publications === undefined) return undefined;
  const signers = mine.map((signer) => ({
    keyid: signer.key.keyid,
    sign: (bytes: Uint8Array) => signer.sign(bytes),
  }));
  const all = Object.entries(publications).map(async ([path, publication]) => {
    const statement = await addSignatures(publication.statement, signers);
    return [path, { ...publication, statement }] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

/** Who must sign a proposal. The next root is signed by the keys of the one in force and by its own. */
function wantedOf({ role, by, next, text }: Proposal): Wanted[] {
  const following = role === "root" ? text : next;
  const sides = [
    ...(by === null ? [] : [{ by: "in force", keys: keysOf(by, role) }]),
    ...(following === undefined ? [] : [{ by: "to follow", keys: keysOf(following, role) }]),
  ];
  return sides.map(({ by: side, keys: { keys, threshold } }) => {
    const signed = keys.filter((key) => hasSigned(text, role, key));
    return { by: side, threshold, signed, unsigned: keys.filter((key) => !signed.includes(key)) };
  });
}

/** Whether every threshold is met. */
export function isComplete(proposal: Proposal): boolean {
  return wantedOf(proposal).every(({ signed, threshold }) => signed.length >= threshold);
}

/** Whether a role's text has the signatures that these keys want. */
export function isSignedBy(text: string, role: string, { keys, threshold }: RoleKeys): boolean {
  return keys.filter((key) => hasSigned(text, role, key)).length >= threshold;
}

/** Whose keys sign a role, by the metadata that says so: a root, or top-level targets. @throws SutureError `not-found` */
function keysOf(delegator: string, role: string): RoleKeys {
  if (role === "root" || role === "targets") return rootRolesOf(readMetadata("root", delegator).signed)[role];
  const found = delegationsOf(readMetadata("targets", delegator).signed).find((each) => each.role === role);
  if (found === undefined) throw new SutureError("not-found", `Nobody may sign ${role}: targets do not delegate it`);
  return found;
}

/** The check list: who signed, and who still may. `nameOf` gives a key's name where it is known here. */
export function checkList(proposal: Proposal, nameOf: (keyid: string) => string | undefined): string[] {
  const line = (mark: string, { keyid }: TufKey) =>
    `  [${mark}] ${keyid.slice(0, 16)}  ${nameOf(keyid) ?? ""}`.trimEnd();
  return wantedOf(proposal).flatMap(({ by, threshold, signed, unsigned }) => [
    `by the keys ${by}: ${signed.length} of the ${threshold} signatures that it takes`,
    ...signed.map((key) => line("x", key)),
    ...unsigned.map((key) => line(" ", key)),
  ]);
}

function metadataOf({ role, text }: Pick<Proposal, "role" | "text">): Metadata<Root> | Metadata<Targets> {
  return role === "root" ? readMetadata("root", text) : readMetadata("targets", text);
}

/** The version that a proposal proposes. */
export function versionOf(proposal: Proposal): number {
  return metadataOf(proposal).signed.version;
}

function hasSigned(text: string, role: string, { keyid, keytype, scheme, keyval }: TufKey): boolean {
  try {
    const metadata = metadataOf({ role, text }) as Metadata<Root>;
    Key.fromJSON(keyid, { keytype, scheme, keyval }).verifySignature(metadata);
    return true;
  } catch {
    // No signature by this key, or none that verifies: either way it is still to be made
    return false;
  }
}

/**
 * Refuses a change after which too few could sign, or one key would count twice.
 * @throws SutureError `invalid-request`
 */
export function refuseUnsignable(what: string, { keys, threshold }: RoleKeys): void {
  const count = new Set(keys.map(({ keyval }) => keyval.public)).size;
  if (count < keys.length) throw new SutureError("invalid-request", `${what} would have one key twice`);
  if (threshold < 1 || count < threshold)
    throw new SutureError("invalid-request", `${what} would need ${threshold} signatures and have ${count} keys`);
}
