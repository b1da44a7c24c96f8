import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { Channel, patchId, patchPath } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Manifest } from "../../protocol/wire/patch.ts";
import type { Publication } from "../../protocol/wire/publication.ts";
import { action, type Io, type Result } from "../io.ts";
import { type ReadPatch, readPatchFolder, targetOf } from "../patch-folder.ts";
import { newPublication, readProvenance } from "../publication.ts";
import { editRole, type RoleChange, type RoleContent } from "../role-edit.ts";
import { asPublisher } from "../session.ts";
import { updateWriter, writeBundles } from "../update-folder.ts";
import { sizeOf, uploadMissing } from "../upload.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & {
  channel: string;
  dryRun?: true;
  provenance?: string[];
  provenanceKey?: string[];
  override?: string;
  out?: string;
};

export function publish(program: Command, io: Io): void {
  program
    .command("publish")
    .description("Publish the patch in a folder: check it, upload what is missing, sign, send")
    .argument("<folder>", "a folder with a patch.json (docs/patch-format.md)")
    .option("--channel <name>", "edge, beta or stable", "edge")
    .option("--override <reason>", "publish on stable without evidence from an earlier channel; the reason is logged")
    .option(
      "--provenance <files...>",
      "SLSA provenance of the payloads: DSSE envelopes (.json, or .jsonl with one a line)",
    )
    .option("--provenance-key <files...>", "the public keys, in PEM, of who signed it: one for all, or one for each")
    .option("--dry-run", "check the folder and show what would be published; nothing is sent")
    .option(
      "--out <folder>",
      "write the signed update and its bundles there, to be handed in at the portal; send nothing",
    )
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      `
A published version never changes: the same folder again is no error and does nothing, a changed one
wants a higher "version". To stable a patch is promoted, or goes with a reason. Where somebody else publishes at the same time, both patches go out.

Examples:
  $ suture publish docs/examples/echod --dry-run
  $ suture publish docs/examples/echod --channel beta
  $ suture publish docs/examples/echod --out update       # a token that may read is enough`,
    )
    .action(action(io, (options, folder: string) => run(io, folder, options as Options)));
}

async function run(io: Io, directory: string, options: Options): Promise<Result> {
  const channel = parseWith(Channel, options.channel, "--channel");
  const patch = await readPatchFolder(directory, channel);
  if (options.dryRun) return dryRun(patch);
  const { provenance: files = [], provenanceKey: keys = [] } = options;
  const provenance = await readProvenance(files, keys, patch.manifest);
  const session = await asPublisher(io, options);
  const { client, vendor } = session;
  const { manifest, text, bundles } = patch;
  const publication = newPublication(vendor, patch, provenance, io.now());
  const { out } = options;
  const uploaded =
    out === undefined
      ? await uploadMissing(client, vendor, bundles, { ...io, watched: io.watched && !options.json })
      : await writeBundles(out, bundles);
  const id = patchId({ vendor, ...manifest });
  const { version, changed, waiting } = await editRole(
    session,
    { product: manifest.product, channel },
    {
      why: `Publish ${id}`,
      now: io.now,
      decide: (content) => addition(content, { manifest, text, publication, override: options.override }),
      send: out === undefined ? undefined : updateWriter(out, vendor),
    },
  );
  if (waiting !== undefined) return { ...waiting, json: { ...waiting.json, patch: id, published: false, uploaded } };
  if (out !== undefined && changed) return written(out, { id, version, bundles: uploaded });
  return {
    json: {
      patch: id,
      published: changed,
      manifest: digestOf(Buffer.from(text)).sha256,
      roleVersion: version,
      uploaded,
    },
    lines: [changed ? `Published ${id}.` : `${id} is published already, exactly so. Nothing to do.`],
  };
}

function written(out: string, { id, version, bundles }: { id: string; version: number; bundles: number }): Result {
  return {
    json: { patch: id, published: false, roleVersion: version, out, bundles },
    lines: [
      `Wrote ${id}, signed, and ${bundles} bundles to ${out}. Nothing was sent.`,
      "Hand in its update.json and bundles at the portal, under Patches, Publish.",
    ],
  };
}

function dryRun({ manifest, text, bundles }: ReadPatch): Result {
  const path = patchPath(manifest);
  return {
    json: {
      dryRun: true,
      path: `${path}.json`,
      manifest,
      bundles: bundles.map(({ sha256, bytes }) => ({ sha256, size: bytes.length })),
    },
    lines: [
      `${path} is ready to be published: ${manifest.title} (${manifest.severity}).`,
      ...manifest.variants.map(
        (variant, at) =>
          `  variants[${at}]: ${targetOf(variant)}, ${sizeOf(variant.bundle.payload.size)}, ${sizeOf(variant.bundle.size)} as stored`,
      ),
      `The manifest has ${sizeOf(Buffer.byteLength(text))}. Nothing was sent.`,
    ],
  };
}

type Addition = { manifest: Manifest; text: string; publication: Publication; override?: string | undefined };

/** What publishing changes in the role: the manifest comes, and what it takes the place of goes. */
export function addition(
  { files, recalls }: RoleContent,
  { manifest, text, publication, override }: Addition,
): RoleChange | undefined {
  const path = `${patchPath(manifest)}.json`;
  const published = files.get(path);
  if (published?.sha256 === digestOf(Buffer.from(text)).sha256) return undefined;
  const name = `${manifest.patch}@${manifest.version}`;
  if (published !== undefined) {
    throw new SutureError(
      "already-exists",
      `${name} is published, and differs from this folder. Raise "version" in patch.json`,
    );
  }
  if (recalls.some(({ patch }) => patch === name)) {
    throw new SutureError("already-exists", `${name} was published and withdrawn. Raise "version" in patch.json`);
  }
  const replaced = new Set(manifest.supersedes);
  const remove = [...files.keys()].filter((other) => {
    const [patch = "", version] = other.slice(other.lastIndexOf("/") + 1, -".json".length).split("@");
    return (
      version !== undefined &&
      (replaced.has(`${patch}@${version}`) || (patch === manifest.patch && Number(version) < manifest.version))
    );
  });
  const publications = { [path]: publication };
  return { add: new Map([[path, text]]), remove, publications, ...(override !== undefined && { override }) };
}
