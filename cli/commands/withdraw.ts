import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { type PatchRef, patchId, patchPath } from "../../protocol/wire/names.ts";
import { PatchList } from "../../protocol/wire/vendor.ts";
import { at, type Client, everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { editRole } from "../role-edit.ts";
import { asPublisherOf } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { reason: string };

export function withdraw(program: Command, io: Io): void {
  program
    .command("withdraw")
    .description("Withdraw a patch: it is offered no more, and undone where it is applied")
    .argument("<patch>", "[vendor/]product/channel/patch@version")
    .requiredOption("--reason <text>", "why; customers read it")
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      `
A withdrawal is a signed statement and stays for ever. A fixed patch is published as a higher version.

Example:
  $ suture withdraw echod/stable/bounds-check@1 --reason "Refuses requests of exactly 4096 bytes"`,
    )
    .action(action(io, (options, patch: string) => run(io, patch, options as Options)));
}

async function run(io: Io, given: string, options: Options): Promise<Result> {
  const session = await asPublisherOf(io, given, options);
  const { client, vendor, ref } = session;
  const path = `${patchPath(ref)}.json`;
  const name = `${ref.patch}@${ref.version}`;
  const known = await wasLive(client, ref);
  const { changed, version, waiting } = await editRole(session, ref, {
    why: `Withdraw ${patchId(ref)}`,
    now: io.now,
    decide: ({ files, recalls }) => {
      if (recalls.some(({ patch }) => patch === name)) return undefined;
      // A superseded patch has left the role, but may still be applied somewhere
      if (!known && !files.has(path))
        throw new SutureError("not-found", `${vendor} has not published ${patchPath(ref)}`);
      return { remove: [path], recall: [{ patch: name, reason: options.reason, at: io.now().toISOString() }] };
    },
  });
  if (waiting !== undefined) return { ...waiting, json: { ...waiting.json, patch: patchId(ref), withdrawn: false } };
  return {
    json: { patch: patchId(ref), withdrawn: changed, roleVersion: version },
    lines: [changed ? `Withdrew ${patchId(ref)}.` : `${patchId(ref)} is withdrawn already.`],
  };
}

async function wasLive(client: Client, ref: PatchRef): Promise<boolean> {
  const patches = await everyPage(async (query) => {
    const { patches: items, cursor } = await read(
      client.api.vendors[":vendor"].patches.$get({ param: at({ vendor: ref.vendor }), query }),
      PatchList,
    );
    return { items, cursor };
  });
  return patches.some(({ id }) => id === patchId(ref));
}
