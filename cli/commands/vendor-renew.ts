import type { Command } from "commander";
import { renew } from "../ceremony/renew.ts";
import { vendorRepository } from "../ceremony/repository.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

export function vendorRenew(group: Command, io: Io): void {
  group
    .command("renew")
    .description("Sign again, before it expires, whatever the keys at hand can sign")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText(
      "after",
      `
publishing.pem renews each channel for 180 days, targets.pem the targets for a year, and root keys the
root for a year: where some of them are elsewhere, a proposal is written that travels.

Example:
  $ suture vendor renew`,
    )
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: VendorOptions): Promise<Result> {
  const { client, vendor, folder } = await asPublisher(io, options);
  return await renew({ repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() });
}
