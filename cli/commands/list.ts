import type { Command } from "commander";
import { PatchList, type PatchView } from "../../protocol/wire/vendor.ts";
import { at, everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher } from "../session.ts";
import { table } from "../table.ts";
import type { VendorOptions } from "../vendor-folder.ts";

export function list(program: Command, io: Io): void {
  program
    .command("list")
    .description("List a vendor's patches and their states")
    .option("--vendor <name>", "which vendor, where there are several")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      "\nAn operator lists any vendor's with --vendor NAME.\n\nExample:\n  $ suture list --vendor acme",
    )
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: VendorOptions): Promise<Result> {
  const { client, vendor } = await asPublisher(io, options);
  const patches = await everyPage<PatchView>(async (query) => {
    const { patches: items, cursor } = await read(
      client.api.vendors[":vendor"].patches.$get({ param: at({ vendor }), query }),
      PatchList,
    );
    return { items, cursor };
  });
  const rows = patches.map(({ id, state, severity, liveAt, title, reason }) => [
    id,
    state,
    severity,
    liveAt.slice(0, 16).replace("T", " "),
    reason === undefined ? title : `${title} (withdrawn: ${reason})`,
  ]);
  const lines =
    rows.length === 0
      ? [`${vendor} has published nothing yet.`]
      : table(["PATCH", "STATE", "SEVERITY", "LIVE SINCE (UTC)", "TITLE"], rows);
  return { json: { vendor, patches }, lines };
}
