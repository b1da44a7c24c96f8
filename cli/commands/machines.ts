import type { Command } from "commander";
import { MachineList, type MachineView } from "../../protocol/wire/customer.ts";
import { at, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";

type Options = GlobalOptions & { customer: string };

export function machines(program: Command, io: Io): void {
  program
    .command("machines")
    .description("List a customer's machines and what became of each patch there")
    .requiredOption("--customer <name>", "whose")
    .addHelpText(
      "after",
      "\nTakes an operator's token or the customer's own in SUTURE_TOKEN.\n\nExample:\n  $ suture machines --customer globex",
    )
    .action(action(io, (options) => run(io, options as Options)));
}

function stateOf({ state, trouble }: MachineView["patches"][number]): string {
  return trouble === undefined ? state : `${state}, then ${trouble.kind}`;
}

async function run(io: Io, options: Options): Promise<Result> {
  const client = await signedIn(io, options);
  const param = at({ customer: options.customer });
  const found = await everyPage<MachineView>(async (query) => {
    const { machines: items, cursor } = await read(
      client.api.customers[":customer"].machines.$get({ param, query }),
      MachineList,
    );
    return { items, cursor };
  });
  const rows = found.flatMap(({ machine, hostname, group, seenAt, patches }) => {
    const host = [machine, hostname, group, seenAt.slice(0, 16).replace("T", " ")];
    return patches.length === 0 ? [[...host, "-", "-"]] : patches.map((each) => [...host, each.patch, stateOf(each)]);
  });
  const heads = ["MACHINE", "HOST", "GROUP", "SEEN (UTC)", "PATCH", "STATE"];
  return {
    json: { customer: options.customer, machines: found },
    lines: rows.length === 0 ? [`${options.customer} has no machines yet.`] : table(heads, rows),
  };
}
