import type { Command } from "commander";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { delegateProduct } from "../ceremony/delegate-product.ts";
import { requireKey } from "../ceremony/held-keys.ts";
import { vendorRepository } from "../ceremony/repository.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

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
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  const { key } = await requireKey(folder.directory, "publishing");
  const outcome = await delegateProduct(place, product, key);
  if (outcome !== undefined && !outcome.json.submitted) return outcome;
  const added = outcome !== undefined;
  return {
    json: { vendor, product, added },
    lines: [added ? `${vendor} can publish for ${product} now.` : `${vendor} could publish for ${product} before.`],
  };
}
