import type { Command } from "commander";
import { delegationsOf, readMetadata } from "../../protocol/trust/edit.ts";
import { carryOut } from "../ceremony/carry-out.ts";
import { heldKeys } from "../ceremony/held-keys.ts";
import { newestText, nextRoot, nextTargets, resignRole, send } from "../ceremony/vendor-metadata.ts";
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
  const held = await heldKeys(folder.directory);
  const signersOf = (kind: RegExp) => held.filter(({ name }) => kind.test(name)).map(({ signer }) => signer);
  const renewed: string[] = [];

  const publishing = signersOf(/^publishing$/);
  const targets = await newestText(client, vendor, "targets");
  for (const { role } of publishing.length > 0 ? delegationsOf(readMetadata("targets", targets).signed) : [])
    if (await resignRole(client, vendor, role, publishing, io.now())) renewed.push(role);

  const targetsSigners = signersOf(/^targets$/);
  if (targetsSigners.length > 0) {
    await send(client, vendor, "targets", await nextTargets(targets, (all) => all, targetsSigners, io.now()));
    renewed.push("targets");
  }

  const lines = [`Renewed: ${renewed.join(", ") || "nothing"}.`];
  if (signersOf(/^root-\d+$/).length === 0)
    return {
      json: { vendor, renewed, root: null },
      lines: [...lines, "No root key is here, so the root is as it was."],
    };
  const root = await newestText(client, vendor, "root");
  const text = await nextRoot(root, (roles) => roles, io.now());
  const ofRoot = await carryOut(client, folder.directory, {
    proposal: 1,
    vendor,
    role: "root",
    why: "Another year",
    root,
    text,
  });
  return { json: { vendor, renewed, root: ofRoot.json }, lines: [...lines, ...ofRoot.lines] };
}
