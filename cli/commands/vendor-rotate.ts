import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { vendorRepository } from "../ceremony/repository.ts";
import { rotate } from "../ceremony/rotate.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { replaces?: string; signer?: string };

export function vendorRotate(group: Command, io: Io): void {
  group
    .command("rotate")
    .description("Put a new key in the place of an old one")
    .argument("<key>", "root-1, root-2, ...; targets; publishing, publishing-2, ...")
    .option("--replaces <id>", "the old key's id, or its first digits, where it is not here")
    .option("--signer <place>", "where the new key is, if no file: kms:KEY-ARN or exec:PROGRAM")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText(
      "after",
      `
The new key is made here, as NAME.next.pem, and takes the old one's place once it is in force. A root or
targets key wants the signatures of the root, publishing those of targets: where some are elsewhere, a
proposal is written that travels. A run that failed half-way is simply run again.

Examples:
  $ suture vendor rotate publishing
  $ suture vendor rotate root-2 --replaces 5d1e70aa
  $ suture vendor rotate publishing --signer kms:arn:aws:kms:eu-west-1:123456789012:key/1234abcd`,
    )
    .action(action(io, (options, key: string) => run(io, key, options)));
}

async function run(io: Io, name: string, options: Options): Promise<Result> {
  if (!/^(?:root-\d+|(?:targets|publishing)(?:-\d+)?)$/.test(name))
    throw new SutureError("invalid-request", `${name} is no key's name: root-1, root-2, root-3, targets or publishing`);
  const { client, vendor, folder } = await asPublisher(io, options);
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  return await rotate(place, name, { replaces: options.replaces, signer: options.signer, signs: () => true });
}
