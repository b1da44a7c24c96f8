import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { patchId } from "../../protocol/wire/names.ts";
import { PublicationView } from "../../protocol/wire/publication.ts";
import { at, atPatch, patchOf, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisherOf } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { out?: string };

export function publication(program: Command, io: Io): void {
  program
    .command("publication")
    .description("Show the signed statement of a patch and the provenance that goes with it")
    .argument("<patch>", "[vendor/]product/channel/patch@version")
    .option("--out <folder>", "write the envelopes and the keys that verify them there")
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText("after", "\nExample:\n  $ suture publication echod/stable/bounds-check@1 --out audit")
    .action(action(io, (options, path: string) => run(io, path, options as Options)));
}

async function run(io: Io, path: string, options: Options): Promise<Result> {
  const { client, ref } = await asPublisherOf(io, path, options);
  const id = patchId(ref);
  const view = await read(patchOf(client).publication.$get({ param: at(atPatch(id)) }), PublicationView);
  const folder = options.out === undefined ? undefined : resolve(options.out);
  if (folder !== undefined) await writeAll(folder, view);
  const provenance = view.provenance.flatMap(({ builder, buildType, subjects }) => [
    `  built by ${builder}`,
    `    as ${buildType}, ${subjects.length} of its files`,
  ]);
  return {
    json: { patch: id, ...view, ...(folder !== undefined && { folder }) },
    lines: [
      `${id}: published ${view.at}, signed by ${view.statement.signatures.length} of ${view.keys.length} keys (${view.threshold} must)`,
      ...(provenance.length > 0 ? provenance : ["  without provenance"]),
      ...(folder === undefined ? [] : [`The envelopes and their keys are in ${folder}.`]),
    ],
  };
}

async function writeAll(folder: string, { statement, keys, provenance }: PublicationView): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await write("publication.intoto.json", `${JSON.stringify(statement)}\n`);
  for (const [number, key] of keys.entries()) await write(`publisher-${number + 1}.pem`, key);
  for (const [number, { envelope, key }] of provenance.entries()) {
    await write(`provenance-${number + 1}.intoto.json`, `${JSON.stringify(envelope)}\n`);
    await write(`builder-${number + 1}.pem`, key);
  }
}
