import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { BulkResult } from "../../protocol/wire/customer.ts";
import { at, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";

type Options = GlobalOptions & {
  customer: string;
  group?: string;
  tag?: string[];
  hostname?: string;
  silent?: string;
  toGroup?: string;
  addTag?: string[];
  removeTag?: string[];
  dryRun?: true;
};

export function bulk(program: Command, io: Io): void {
  program
    .command("bulk")
    .description("Move or tag every machine that fits a filter")
    .requiredOption("--customer <name>", "whose")
    .option("--group <name>", "machines of this group")
    .option("--tag <name...>", "machines with all of these tags")
    .option("--hostname <text>", "machines whose name begins so")
    .option("--silent <days>", "machines that were not seen for so many days")
    .option("--to-group <name>", "move them into this group")
    .option("--add-tag <name...>", "add these tags")
    .option("--remove-tag <name...>", "take these tags away")
    .option("--dry-run", "only say which machines it would change")
    .addHelpText("after", "\nExample:\n  $ suture bulk --customer globex --hostname web- --to-group web --dry-run")
    .action(action(io, (options) => run(io, options as Options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const { group, tag, hostname, silent, toGroup, addTag, removeTag, dryRun = false } = options;
  const filter = {
    ...(group !== undefined && { group }),
    ...(tag !== undefined && { tags: tag }),
    ...(hostname !== undefined && { hostname }),
    ...(silent !== undefined && { silentForDays: Number(silent) }),
  };
  const change = {
    ...(toGroup !== undefined && { group: toGroup }),
    ...(addTag !== undefined && { addTags: addTag }),
    ...(removeTag !== undefined && { removeTags: removeTag }),
  };
  if (Object.keys(change).length === 0) {
    throw new SutureError("invalid-request", "Say what is to change: --to-group, --add-tag or --remove-tag");
  }
  const client = await signedIn(io, options);
  const param = at({ customer: options.customer });
  const machines: BulkResult["machines"] = [];
  let next: { cursor?: string | undefined } = {};
  do {
    const page = await read(
      client.api.customers[":customer"].machines.bulk.$post({ param, json: { filter, change, dryRun, ...next } }),
      BulkResult,
    );
    machines.push(...page.machines);
    next = page.cursor === undefined ? {} : { cursor: page.cursor };
  } while (next.cursor !== undefined);
  const rows = machines.map((each) => [each.machine, each.hostname, each.group, each.tags.join(" ")]);
  return {
    json: { customer: options.customer, dryRun, machines },
    lines: rows.length === 0 ? ["Nothing changes."] : table(["MACHINE", "HOST", "GROUP", "TAGS"], rows),
    notes: dryRun ? ["Nothing was changed: --dry-run."] : [],
  };
}
