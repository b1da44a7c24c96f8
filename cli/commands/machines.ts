import type { Command } from "commander";
import { MachineList, type MachineView } from "../../protocol/wire/customer.ts";
import { at, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";
import { presenceOf, stateOf } from "./machine.ts";

type Options = GlobalOptions & { customer: string; retired?: true };

export function machines(program: Command, io: Io): void {
  program
    .command("machines")
    .description("List a customer's machines and what became of each patch there")
    .requiredOption("--customer <name>", "whose")
    .option("--retired", "those that were retired, too")
    .addHelpText(
      "after",
      "\nTakes an operator's token or the customer's own in SUTURE_TOKEN.\n\nExample:\n  $ suture machines --customer globex",
    )
    .action(action(io, (options) => run(io, options as Options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const client = await signedIn(io, options);
  const param = at({ customer: options.customer });
  const retired = options.retired === true ? ({ retired: "true" } as const) : {};
  const found = await everyPage<MachineView>(async (page) => {
    const query = { ...page, ...retired };
    const { machines: items, cursor } = await read(
      client.api.customers[":customer"].machines.$get({ param, query }),
      MachineList,
    );
    return { items, cursor };
  });
  const rows = found.flatMap((view) => {
    const { machine, hostname, group, seenAt, patches } = view;
    const host = [machine, hostname, group, minuteOf(seenAt), presenceOf(view)];
    return patches.length === 0 ? [[...host, "-", "-"]] : patches.map((each) => [...host, each.patch, stateOf(each)]);
  });
  const heads = ["MACHINE", "HOST", "GROUP", "SEEN (UTC)", "IS", "PATCH", "STATE"];
  return {
    json: { customer: options.customer, machines: found },
    lines: rows.length === 0 ? [`${options.customer} has no machines yet.`] : table(heads, rows),
  };
}
