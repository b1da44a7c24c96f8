import type { Command } from "commander";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { action, type Io, type Result } from "../io.ts";
import { loadKey } from "../key-files.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";
import { delegateProduct } from "../vendor-roles.ts";

export function vendorAddProduct(group: Command, io: Io): void {
  group
    .command("add-product")
    .description("Delegate another product's channels to the publishing key")
    .argument("<name>", "the vendor's name")
    .argument("<product>", "the product's name")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      "\nTakes targets.pem, so it is to be brought back for this.\n\nExample:\n  $ suture vendor add-product acme httpd",
    )
    .action(action(io, (options, name: string, product: string) => run(io, name, product, options)));
}

async function run(io: Io, name: string, given: string, options: VendorOptions): Promise<Result> {
  const vendor = parseWith(Name, name, "vendor name");
  const product = parseWith(Name, given, "product name");
  const { client, folder } = await asPublisher(io, { ...options, vendor });
  const targets = await loadKey(folder.keyPath("targets"));
  const publishing = await loadKey(folder.keyPath("publishing"));
  const added = await delegateProduct(client, vendor, product, { targets, publishing: publishing.key, now: io.now() });
  return {
    json: { vendor, product, added },
    lines: [added ? `${vendor} can publish for ${product} now.` : `${vendor} could publish for ${product} before.`],
  };
}
