import { join } from "node:path";
import type { Command } from "commander";
import { delegationsOf, readMetadata, rootRolesOf } from "../../protocol/trust/edit.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import { carryOut } from "../ceremony/carry-out.ts";
import { keyByPrefix, newestText, nextRoot, nextTargets, send } from "../ceremony/vendor-metadata.ts";
import { action, type Io, type Result } from "../io.ts";
import { loadKey, readText } from "../key-files.ts";
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

async function run(io: Io, given: string, options: VendorOptions): Promise<Result> {
  const { client, vendor, folder } = await asPublisher(io, options);
  const file = join(folder.directory, `${given}.pem`);
  const wanted = (await readText(file)) === undefined ? given : (await loadKey(file)).key.keyid;
  const root = await newestText(client, vendor, "root");
  const targets = await newestText(client, vendor, "targets");
  const ofRoot = rootRolesOf(readMetadata("root", root).signed);
  const delegations = delegationsOf(readMetadata("targets", targets).signed);
  const { keyid } = keyByPrefix(
    [...ofRoot.root.keys, ...ofRoot.targets.keys, ...delegations.flatMap(({ keys }) => keys)],
    wanted,
  );
  const without = <R extends { keys: readonly TufKey[] }>(role: R): R => ({
    ...role,
    keys: role.keys.filter((key) => key.keyid !== keyid),
  });

  const isOfRoot = [...ofRoot.root.keys, ...ofRoot.targets.keys].some((key) => key.keyid === keyid);
  if (isOfRoot) {
    const text = await nextRoot(
      root,
      (roles) => ({ ...roles, root: without(roles.root), targets: without(roles.targets) }),
      io.now(),
    );
    const why = `Without the key ${keyid.slice(0, 16)}`;
    return await carryOut(client, folder.directory, { proposal: 1, vendor, role: "root", why, root, text });
  }
  const signer = await loadKey(folder.keyPath("targets"));
  await send(client, vendor, "targets", await nextTargets(targets, (all) => all.map(without), [signer], io.now()));
  return {
    json: { vendor, revoked: keyid },
    lines: [
      `${keyid.slice(0, 16)} signs nothing more for ${vendor}.`,
      "",
      "Now:",
      "  [ ] take targets.pem offline again",
    ],
  };
}
