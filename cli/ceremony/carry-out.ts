import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RoleKeys } from "../../protocol/trust/edit.ts";
import type { Result } from "../io.ts";
import { heldKeys, promoteKeys } from "./held-keys.ts";
import { rolesIn } from "./next-metadata.ts";
import { checkList, isComplete, type Proposal, signProposal, versionOf } from "./proposal.ts";
import type { Repository } from "./repository.ts";

/** What a proposal came to: in force, or a file that waits for other signers. */
export type Outcome = Result & {
  json: {
    repository: string;
    role: string;
    version: number;
    submitted: boolean;
    proposal?: string;
    promoted?: string[];
  };
};

/** Where a ceremony happens: the repository, the folder with the keys at hand, and the time. */
export type Place = { repository: Repository; directory: string; now: Date };

/** A proposal of this repository, with nothing in it but what every one has. */
export function newProposal(
  { repository }: Place,
  given: Pick<Proposal, "role" | "why" | "by" | "text"> & Partial<Proposal>,
): Proposal {
  return { proposal: 1, repository: repository.name, promotes: [], ...given };
}

/**
 * Signs a proposal with whichever keys are at hand. Where that is enough it goes to the service at once; else it is written beside the
 * keys, to be carried to the other signers.
 */
export async function carryOut({ repository, directory }: Place, proposal: Proposal): Promise<Outcome> {
  const held = await heldKeys(directory);
  const [signed] = await signProposal(
    proposal,
    held.map(({ signer }) => signer),
  );
  if (isComplete(signed)) return await submit(repository, directory, signed);
  const { role, why } = signed;
  const version = versionOf(signed);
  const file = join(directory, `${role}-${version}.proposal.json`);
  await writeFile(file, `${JSON.stringify(signed, null, 2)}\n`);
  const suture = `suture ${repository.kind}`;
  return {
    json: { repository: repository.name, role, version, submitted: false, proposal: file },
    lines: [
      `${why}: signatures are missing.`,
      ...(await checkListOf(directory, signed)),
      "",
      `Carry ${file} to the other signers; each runs, without any network:`,
      `  ${suture} sign FILE --keys FOLDER`,
      "and when it has come round:",
      `  ${suture} submit FILE${repository.kind === "vendor" ? ` --vendor ${repository.name}` : ""}`,
    ],
  };
}

/** Sends a proposal that is signed, and puts keys in their places that it brought into force. */
export async function submit(repository: Repository, directory: string, proposal: Proposal): Promise<Outcome> {
  const { role, why, text, files, publications, override, promotes } = proposal;
  await repository.send(role, {
    text,
    ...(files && { files }),
    ...(publications && { publications }),
    ...(override !== undefined && { override }),
  });
  const version = versionOf(proposal);
  const promoted = promotes.length > 0 ? await promoteKeys(directory, new Set(promotes)) : [];
  return {
    json: { repository: repository.name, role, version, submitted: true, promoted },
    lines: [
      `${why}: done, with version ${version} of the ${role}.`,
      ...(await checkListOf(directory, proposal)),
      ...afterwards(proposal, promoted),
    ],
  };
}

/** The check list, with the names of the keys that lie in this folder. */
export async function checkListOf(directory: string, proposal: Proposal): Promise<string[]> {
  const names = new Map((await heldKeys(directory)).map(({ name, signer }) => [signer.key.keyid, name]));
  return checkList(proposal, (keyid) => names.get(keyid));
}

/** What is left for people to do: the list to be printed and ticked off. */
function afterwards({ role, text }: Proposal, promoted: readonly string[]): string[] {
  const places = promoted.flatMap((name) => [
    `  [ ] copy the new ${name} to its place, and destroy ${name}.old and its copies`,
  ]);
  const offline =
    role === "root" ? ["  [ ] each root key lies in another place, with a copy, and none of them here"] : [];
  const spare = role === "root" ? checkSpare(rolesIn(text).root) : [];
  const list = [...places, ...offline, ...spare];
  return list.length === 0 ? [] : ["", "Now:", ...list];
}

function checkSpare({ keys, threshold }: RoleKeys): string[] {
  if (keys.length > threshold) return [];
  return [
    `  [ ] ${threshold} of ${keys.length} root keys must sign: to lose one more is to lose everything. Add one soon`,
  ];
}
