import type { Command } from "commander";
import { patchId } from "../../protocol/wire/names.ts";
import { PatchDetail } from "../../protocol/wire/vendor.ts";
import { at, atPatch, patchOf, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisherOf } from "../session.ts";
import type { VendorOptions } from "../vendor-folder.ts";

export function patchShow(program: Command, io: Io): void {
  program
    .command("show")
    .description("Show a patch, and the evidence for its promotion")
    .argument("<patch>", "[vendor/]product/channel/patch@version")
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText("after", "\nExample:\n  $ suture show echod/edge/bounds-check@1")
    .action(action(io, (options, path: string) => run(io, path, options)));
}

async function run(io: Io, path: string, options: VendorOptions): Promise<Result> {
  const { client, ref } = await asPublisherOf(io, path, options);
  const patch = await read(patchOf(client).$get({ param: at(atPatch(patchId(ref))) }), PatchDetail);
  const { healthy, machines, hours } = patch.evidence;
  const { customers, rollouts, machines: on } = patch.adoption;
  return {
    json: patch,
    lines: [
      `${patch.id}: ${patch.title}`,
      `  ${patch.severity}, ${patch.state}, live since ${patch.liveAt}`,
      ...(patch.cves.length > 0 ? [`  ${patch.cves.join(" ")}`] : []),
      `  well for ${hours} hours on ${healthy} of the ${machines} machines that stable wants`,
      `  ${customers} ${customers === 1 ? "customer" : "customers"}: ${rollouts.running} rollouts running, ${rollouts.done} done, ${rollouts.halted} halted, ${rollouts.aborted} aborted`,
      `  on their machines: ${on.applied} applied, ${on.partial} applied in part, ${on.failed} failed, ${on.undoing} undoing, ${on.undone} undone, ${on.skipped} skipped`,
    ],
  };
}
