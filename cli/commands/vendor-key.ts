import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { heldOrNewKey } from "../ceremony/held-keys.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";

export function vendorKey(group: Command, io: Io): void {
  group
    .command("key")
    .description("Make a key of your own, where several people sign together; needs no network")
    .argument("<name>", "root-1, root-2, ...; targets, targets-2, ...; publishing, publishing-2, ...")
    .requiredOption("--keys <folder>", "where it goes: a disk that only you have")
    .option("--signer <place>", "where it is, if no file: kms:KEY-ARN or exec:PROGRAM (docs/cli.md)")
    .addHelpText(
      "after",
      `
Examples:
  $ suture vendor key root-2 --keys /media/key
  $ suture vendor key publishing --keys ~/.config/suture/acme --signer exec:/usr/local/bin/yubikey-sign`,
    )
    .action(
      action(io, async (options, name: string) => {
        if (!/^(?:root-\d+|(?:targets|publishing)(?:-\d+)?)$/.test(name))
          throw new SutureError(
            "invalid-request",
            `${name} is no key's name: root-1, targets, publishing, publishing-2`,
          );
        return await makeKey(name, options as KeyOptions);
      }),
    );
}

type KeyOptions = GlobalOptions & { keys: string; signer?: string };

/** Makes a key, or notes where it is, and writes its public half for whoever is to name it. */
export async function makeKey(name: string, { keys, signer }: KeyOptions): Promise<Result> {
  const directory = resolve(keys);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { key } = await heldOrNewKey(directory, name, signer);
  const file = join(directory, `${name}.pub`);
  await writeFile(file, key.keyval.public);
  const kept =
    signer === undefined ? `${name}.pem never leaves you: keep a copy in another place.` : `It is ${signer}.`;
  return {
    json: { keyid: key.keyid, publicKey: file },
    lines: [
      `Your key is ${key.keyid.slice(0, 16)}. ${kept}`,
      `Give ${file} to whoever is to name it, and read the 16 digits out to them.`,
    ],
  };
}
