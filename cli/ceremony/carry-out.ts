import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readMetadata, rootRolesOf } from "../../protocol/trust/edit.ts";
import type { Client } from "../client.ts";
import type { Result } from "../io.ts";
import { heldKeys, promoteKeys } from "./held-keys.ts";
import { checkList, isComplete, type Proposal, signProposal } from "./proposal.ts";
import { send } from "./vendor-metadata.ts";

/**
 * Signs a proposal with whichever keys are at hand. Where that is enough it goes to the service at once; else it is written beside the
 * keys, to be carried to the other signers.
 */
export async function carryOut(client: Client, directory: string, proposal: Proposal): Promise<Result> {
  const held = await heldKeys(directory);
  const [signed] = await signProposal(
    proposal,
    held.map(({ signer }) => signer),
  );
  if (isComplete(signed)) return await submit(client, directory, signed);
  const { version } = readMetadata(signed.role === "root" ? "root" : "targets", signed.text).signed;
  const file = join(directory, `${signed.role}-${version}.proposal.json`);
  await writeFile(file, `${JSON.stringify(signed, null, 2)}\n`);
  return {
    json: { vendor: signed.vendor, role: signed.role, version, submitted: false, proposal: file },
    lines: [
      `${signed.why}: signatures are missing.`,
      ...(await checkListOf(directory, signed)),
      "",
      `Carry ${file} to the other signers; each runs, without any network:`,
      "  suture vendor sign FILE --keys FOLDER",
      "and when it has come round:",
      `  suture vendor submit FILE --vendor ${signed.vendor}`,
    ],
  };
}

/** Sends a proposal that is signed, and puts keys in their places that it brought into force. */
export async function submit(client: Client, directory: string, proposal: Proposal): Promise<Result> {
  await send(client, proposal.vendor, proposal.role, proposal.text);
  const version = readMetadata(proposal.role === "root" ? "root" : "targets", proposal.text).signed.version;
  const promoted = proposal.role === "root" ? await promoteKeys(directory, keysInForce(proposal.text)) : [];
  return {
    json: { vendor: proposal.vendor, role: proposal.role, version, submitted: true, promoted },
    lines: [
      `${proposal.why}: done, with version ${version} of the ${proposal.role}.`,
      ...(await checkListOf(directory, proposal)),
      "",
      "Now:",
      ...promoted.map((name) => `  [ ] copy ${name}.pem to its place, and destroy ${name}.old.pem and its copies`),
      "  [ ] each root key lies in another place, with a copy, and none of them here",
      ...checkSpare(proposal),
    ],
  };
}

/** The check list, with the names of the keys that lie in this folder. */
export async function checkListOf(directory: string, proposal: Proposal): Promise<string[]> {
  const names = new Map((await heldKeys(directory)).map(({ name, signer }) => [signer.key.keyid, name]));
  return checkList(proposal, (keyid) => names.get(keyid));
}

function keysInForce(rootText: string): Set<string> {
  const { root, targets } = rootRolesOf(readMetadata("root", rootText).signed);
  return new Set([...root.keys, ...targets.keys].map(({ keyid }) => keyid));
}

function checkSpare({ role, text }: Proposal): string[] {
  if (role !== "root") return [];
  const { keys, threshold } = rootRolesOf(readMetadata("root", text).signed).root;
  if (keys.length > threshold) return [];
  return [
    `  [ ] ${threshold} of ${keys.length} root keys must sign: to lose one more is to lose the vendor. Add one soon`,
  ];
}
