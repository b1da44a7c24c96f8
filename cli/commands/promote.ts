import type { Command } from "commander";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import type { AttachedProvenance } from "../../protocol/trust/publication.ts";
import { Channel, patchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { PublicationView } from "../../protocol/wire/publication.ts";
import { PatchDetail } from "../../protocol/wire/vendor.ts";
import { at, atPatch, type Client, patchOf, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { newPublication } from "../publication.ts";
import { editRole } from "../role-edit.ts";
import { asPublisherOf } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";
import { addition } from "./publish.ts";

type Options = VendorOptions & { to: string; override?: string };

const order: readonly Channel[] = ["edge", "beta", "stable"];

export function promote(program: Command, io: Io): void {
  program
    .command("promote")
    .description("Publish a patch of an earlier channel, as it is, on a later one")
    .argument("<patch>", "[vendor/]product/channel/patch@version")
    .option("--to <channel>", "beta or stable", "stable")
    .option("--override <reason>", "go to stable without evidence; the reason is logged")
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      `
Stable wants evidence: ten machines of an earlier channel on which the patch has been well for a day.

Example:
  $ suture promote echod/edge/bounds-check@1 --to stable`,
    )
    .action(action(io, (options, path: string) => run(io, path, options as Options)));
}

async function run(io: Io, path: string, options: Options): Promise<Result> {
  const to = parseWith(Channel, options.to, "--to");
  const session = await asPublisherOf(io, path, options);
  const { client, vendor, ref } = session;
  const { product, channel } = ref;
  if (order.indexOf(to) <= order.indexOf(channel)) {
    throw new SutureError("invalid-request", `${to} does not come after ${channel}`);
  }
  const found = await read(patchOf(client).$get({ param: at(atPatch(patchId(ref))) }), PatchDetail);
  if (found.state === "withdrawn") throw new SutureError("conflict", `${found.id} is withdrawn`);
  const manifest = { ...found.manifest, channel: to };
  const text = JSON.stringify(manifest);
  const id = patchId({ vendor, ...manifest });
  const provenance = await provenanceOf(client, found.id);
  const publication = newPublication(vendor, { manifest, text }, provenance, io.now());
  const { version, changed, waiting } = await editRole(
    session,
    { product, channel: to },
    {
      why: `Publish ${id}`,
      now: io.now,
      decide: (content) => addition(content, { manifest, text, publication, override: options.override }),
    },
  );
  if (waiting !== undefined)
    return { ...waiting, json: { ...waiting.json, patch: id, from: found.id, published: false } };
  const { healthy, hours } = found.evidence;
  return {
    json: { patch: id, from: found.id, published: changed, roleVersion: version, evidence: found.evidence },
    lines: [changed ? `Published ${id}.` : `${id} is published already, exactly so. Nothing to do.`],
    notes: [`It was well for ${hours} hours on ${healthy} machines or more.`],
  };
}

/** What went with the patch on the earlier channel goes with it on this one: its bundles are the same. */
async function provenanceOf(client: Client, id: string): Promise<AttachedProvenance[]> {
  try {
    const asked = patchOf(client).publication.$get({ param: at(atPatch(id)) });
    return (await read(asked, PublicationView)).provenance;
  } catch (error) {
    if (isSutureError(error, "not-found")) return [];
    throw error;
  }
}
