import { Key, type Metadata, type Root, type Targets } from "@tufjs/models";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { readMetadata, rootRolesOf, signMetadata } from "../../protocol/trust/edit.ts";
import type { Signer, TufKey } from "../../protocol/trust/signer.ts";
import { Name } from "../../protocol/wire/names.ts";

/**
 * The next root or targets of a vendor on its way from one signer to the next. It holds nothing secret, and nobody needs the network to
 * sign it: a file that travels.
 */
export const Proposal = z.strictObject({
  proposal: z.literal(1),
  vendor: Name,
  role: z.enum(["root", "targets"]),
  /** what it changes, for those who are asked to sign */
  why: z.string(),
  /** the root in force, whose keys must sign; null before the first */
  root: z.string().nullable(),
  /** the metadata, with the signatures that it has so far */
  text: z.string(),
});
export type Proposal = z.infer<typeof Proposal>;

/** Whose signatures count, how many it takes, and which are there. */
type Wanted = { by: string; threshold: number; signed: TufKey[]; unsigned: TufKey[] };

/** Signs a proposal with those of the keys that it waits for; answers it, and how many signed. */
export async function signProposal(proposal: Proposal, signers: readonly Signer[]): Promise<[Proposal, number]> {
  const waiting = new Set(wantedOf(proposal).flatMap(({ unsigned }) => unsigned.map(({ keyid }) => keyid)));
  const mine = signers.filter(({ key }) => waiting.has(key.keyid));
  const { signed, signatures } = metadataOf(proposal);
  return [{ ...proposal, text: await signMetadata(signed, mine, signatures) }, mine.length];
}

/** Who must sign a proposal. The next root is signed by the keys of the one in force and by its own. */
function wantedOf(proposal: Proposal): Wanted[] {
  const metadata = metadataOf(proposal);
  const roots = [
    ...(proposal.root === null ? [] : [{ by: "the root in force", root: readMetadata("root", proposal.root).signed }]),
    ...(proposal.role === "root" ? [{ by: "the next root", root: readMetadata("root", proposal.text).signed }] : []),
  ];
  return roots.map(({ by, root }) => {
    const { keys, threshold } = rootRolesOf(root)[proposal.role];
    const signed = keys.filter((key) => hasSigned(metadata, key));
    return { by, threshold, signed, unsigned: keys.filter((key) => !signed.includes(key)) };
  });
}

/** Whether every threshold is met. */
export function isComplete(proposal: Proposal): boolean {
  return wantedOf(proposal).every(({ signed, threshold }) => signed.length >= threshold);
}

/** The check list: who signed, and who still may. `nameOf` gives a key's name where it is known here. */
export function checkList(proposal: Proposal, nameOf: (keyid: string) => string | undefined): string[] {
  const line = (mark: string, { keyid }: TufKey) =>
    `  [${mark}] ${keyid.slice(0, 16)}  ${nameOf(keyid) ?? ""}`.trimEnd();
  return wantedOf(proposal).flatMap(({ by, threshold, signed, unsigned }) => [
    `${by}: ${signed.length} of the ${threshold} signatures that it takes`,
    ...signed.map((key) => line("x", key)),
    ...unsigned.map((key) => line(" ", key)),
  ]);
}

function metadataOf({ role, text }: Proposal): Metadata<Root> | Metadata<Targets> {
  return role === "root" ? readMetadata("root", text) : readMetadata("targets", text);
}

function hasSigned(metadata: Metadata<Root> | Metadata<Targets>, { keyid, keytype, scheme, keyval }: TufKey): boolean {
  try {
    Key.fromJSON(keyid, { keytype, scheme, keyval }).verifySignature(metadata as Metadata<Root>);
    return true;
  } catch {
    // No signature by this key, or none that verifies: either way it is still to be made
    return false;
  }
}

/**
 * Refuses a change after which too few could sign.
 * @throws SutureError `invalid-request`
 */
export function refuseUnsignable(what: string, keys: readonly TufKey[], threshold: number): void {
  if (keys.length < threshold)
    throw new SutureError("invalid-request", `${what} would need ${threshold} signatures and have ${keys.length} keys`);
}
