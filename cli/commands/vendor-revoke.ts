import type { Command } from "commander";
import { vendorRepository } from "../ceremony/repository.ts";
import { revoke } from "../ceremony/revoke.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

export function vendorRevoke(group: Command, io: Io): void {
  group
    .command("revoke")
    .description("Take a key away without another in its place")
    .argument("<key>", "its id or the first 8 digits of it, or the name of its file: root-3")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .option("--vendor <name>", "which vendor, where there are several")
    .addHelpText(
      "after",
      `
Refused where too few keys would be left to sign: \`rotate\` puts another in its place.

Example:
  $ suture vendor revoke root-3`,
    )
    .action(action(io, (options, key: string) => run(io, key, options)));
}

async function run(io: Io, key: string, options: VendorOptions): Promise<Result> {
  const { client, vendor, folder } = await asPublisher(io, options);
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  return await revoke(place, key);
}
