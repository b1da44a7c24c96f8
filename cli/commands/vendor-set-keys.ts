import type { Command } from "commander";
import { z } from "zod";
import { parseWith } from "../../protocol/wire/parse.ts";
import { vendorRepository } from "../ceremony/repository.ts";
import { setKeys } from "../ceremony/set-keys.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { threshold: string };
const Threshold = z.coerce.number().int().min(1).max(16);

export function vendorSetKeys(group: Command, io: Io): void {
  group
    .command("set-keys")
    .description("Say whose keys sign a role, and how many of them must")
    .argument("<role>", "root, targets, a product, or a product's channel: echod.stable")
    .argument("<files...>", "the public keys, as `vendor key` wrote them: all that are to sign from now on")
    .requiredOption("--threshold <n>", "how many of them must sign")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText(
      "after",
      `
With more than one signature, \`publish\`, \`promote\` and \`withdraw\` write a proposal that travels from
one publisher to the next. What is public is signed anew on the way, so that no host ever meets a role
that does not verify; where signatures are missing for that, run it again once they are there.

Example:
  $ suture vendor set-keys echod.stable ann.pub bob.pub cy.pub --threshold 2`,
    )
    .action(action(io, (options, role: string, files: string[]) => run(io, role, files, options as Options)));
}

async function run(io: Io, role: string, files: readonly string[], options: Options): Promise<Result> {
  const threshold = parseWith(Threshold, options.threshold, "--threshold");
  const { client, vendor, folder } = await asPublisher(io, options);
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  return await setKeys(place, role, { files, threshold });
}
