import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { checkListOf, submit } from "../ceremony/carry-out.ts";
import { heldKeys } from "../ceremony/held-keys.ts";
import { isComplete, Proposal, signProposal } from "../ceremony/proposal.ts";
import { type Repository, vendorRepository } from "../ceremony/repository.ts";
import { whatItSays } from "../ceremony/what-it-says.ts";
import { action, type Io, type Result } from "../io.ts";
import { readText } from "../key-files.ts";
import { asPublisher } from "../session.ts";
import { chosenFolder, type VendorOptions } from "../vendor-folder.ts";

export function vendorSign(group: Command, io: Io): void {
  group
    .command("sign")
    .description("Sign a proposal that another key holder made; needs no network")
    .argument("<file>", "the proposal")
    .option("--keys <folder>", "the folder with your key")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText("after", "\nExample:\n  $ suture vendor sign root-2.proposal.json --keys /media/key")
    .action(
      action(io, async (options: VendorOptions, file: string) => {
        const { directory } = await chosenFolder(io, options);
        return await signFile(file, directory);
      }),
    );
  group
    .command("submit")
    .description("Send a proposal that enough have signed")
    .argument("<file>", "the proposal")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText("after", "\nExample:\n  $ suture vendor submit root-2.proposal.json")
    .action(
      action(io, async (options: VendorOptions, file: string) => {
        const proposal = await readProposal(file);
        const { client, folder } = await asPublisher(io, { ...options, vendor: proposal.repository });
        return await submitFile(file, vendorRepository(client, proposal.repository), folder.directory);
      }),
    );
}

/** Adds the signatures of the keys in a folder to a proposal's file. */
export async function signFile(file: string, directory: string): Promise<Result> {
  const before = await readProposal(file);
  const says = whatItSays(before);
  const held = await heldKeys(directory);
  const [proposal, added] = await signProposal(
    before,
    held.map(({ signer }) => signer),
  );
  if (added === 0 && !isComplete(before))
    throw new SutureError("invalid-request", `No key in ${directory} is one that ${file} waits for`);
  await writeFile(file, `${JSON.stringify(proposal, null, 2)}\n`);
  const { repository, role, why } = proposal;
  return {
    json: { repository, role, why, says, added, complete: isComplete(proposal) },
    lines: [
      `${repository}, ${role}: ${why}`,
      ...says.map((line) => `  ${line}`),
      ...(await checkListOf(directory, proposal)),
      isComplete(proposal) ? "Enough have signed: submit it." : "Carry it on to the next signer.",
    ],
  };
}

/** Sends a proposal's file. @throws SutureError `bad-signature` where signatures are missing, and the service's refusals */
export async function submitFile(file: string, repository: Repository, directory: string): Promise<Result> {
  const proposal = await readProposal(file);
  if (!isComplete(proposal)) {
    const list = await checkListOf(directory, proposal);
    throw new SutureError("bad-signature", `${file} has too few signatures:\n${list.join("\n")}`);
  }
  return await submit(repository, directory, proposal);
}

async function readProposal(file: string): Promise<Proposal> {
  const text = await readText(file);
  if (text === undefined) throw new SutureError("not-found", `There is no proposal ${file}`);
  return parseJson(Proposal, text, file);
}
