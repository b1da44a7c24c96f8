import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import { NextOnlineKeys } from "../../protocol/wire/vendor.ts";
import { changeRoot } from "../ceremony/change-root.ts";
import { vendorRepository } from "../ceremony/repository.ts";
import { rotate } from "../ceremony/rotate.ts";
import { at, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { replaces?: string; signer?: string };

export function vendorRotate(group: Command, io: Io): void {
  group
    .command("rotate")
    .description("Put a new key in the place of an old one")
    .argument("<key>", "root-1, root-2, ...; targets; publishing, publishing-2, ...; online")
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

online are the two keys that the service holds for this vendor, wrapped, to sign snapshot and timestamp.
The service makes the new ones, and the root says that they count.

Examples:
  $ suture vendor rotate publishing
  $ suture vendor rotate root-2 --replaces 5d1e70aa
  $ suture vendor rotate online
  $ suture vendor rotate publishing --signer kms:arn:aws:kms:eu-west-1:123456789012:key/1234abcd`,
    )
    .action(action(io, (options, key: string) => run(io, key, options)));
}

async function run(io: Io, name: string, options: Options): Promise<Result> {
  if (name === "online") return await rotateOnline(io, options);
  if (!/^(?:root-\d+|(?:targets|publishing)(?:-\d+)?)$/.test(name))
    throw new SutureError(
      "invalid-request",
      `${name} is no key's name: root-1, root-2, root-3, targets, publishing or online`,
    );
  const { client, vendor, folder } = await asPublisher(io, options);
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  return await rotate(place, name, { replaces: options.replaces, signer: options.signer, signs: () => true });
}

async function rotateOnline(io: Io, options: Options): Promise<Result> {
  if (options.replaces !== undefined || options.signer !== undefined)
    throw new SutureError(
      "invalid-request",
      "The service makes these keys: --replaces and --signer say nothing of them",
    );
  const { client, vendor, folder } = await asPublisher(io, options);
  const asked = client.api.vendors[":vendor"]["online-keys"].$post({ param: at({ vendor }) });
  const { onlineKeys: old, nextOnlineKeys: online } = await read(asked, NextOnlineKeys);
  const place = { repository: vendorRepository(client, vendor), directory: folder.directory, now: io.now() };
  const why = `New keys of the service for snapshot and timestamp, ${online.snapshot.keyid.slice(0, 16)} and ${online.timestamp.keyid.slice(0, 16)}`;
  const outcome = await changeRoot(place, { why, online });
  const since = "Agents that have seen this root, which the next check-in brings, take nothing that the old keys sign.";
  return {
    json: { ...outcome.json, key: "online", old: idsOf(old), new: idsOf(online) },
    lines: [...outcome.lines, ...(outcome.json.submitted ? [since] : [])],
  };
}

function idsOf({ snapshot, timestamp }: { snapshot: TufKey; timestamp: TufKey }) {
  return { snapshot: snapshot.keyid, timestamp: timestamp.keyid };
}
