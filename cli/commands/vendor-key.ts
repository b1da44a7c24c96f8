import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { loadOrCreateKey } from "../key-files.ts";

export function vendorKey(group: Command, io: Io): void {
  group
    .command("key")
    .description("Make a root key of your own, for a vendor that several people found; needs no network")
    .argument("<name>", "root-1, root-2, ...")
    .requiredOption("--keys <folder>", "where it goes: a disk that only you have")
    .addHelpText("after", "\nExample:\n  $ suture vendor key root-2 --keys /media/key")
    .action(action(io, (options, name: string) => run(name, options as GlobalOptions & { keys: string })));
}

async function run(name: string, { keys }: { keys: string }): Promise<Result> {
  if (!/^root-\d+$/.test(name))
    throw new SutureError("invalid-request", `${name} is no root key's name: root-1, root-2`);
  const directory = resolve(keys);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { key } = await loadOrCreateKey(join(directory, `${name}.pem`));
  const file = join(directory, `${name}.pub`);
  await writeFile(file, key.keyval.public);
  return {
    json: { keyid: key.keyid, publicKey: file },
    lines: [
      `Your key is ${key.keyid.slice(0, 16)}. ${name}.pem never leaves you: keep a copy in another place.`,
      `Give ${file} to whoever founds the vendor, and read the 16 digits out to them.`,
    ],
  };
}
