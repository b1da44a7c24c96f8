import type { Command } from "commander";
import { csvLine } from "../../protocol/csv.ts";
import { UsageList, type UsageView } from "../../protocol/wire/subscriptions.ts";
import { everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { table } from "../table.ts";
import { type TenantOptions, tenantOf, whose } from "../tenant.ts";

type Options = TenantOptions & { month?: string; csv?: true };

export function usage(program: Command, io: Io): void {
  whose(program.command("usage"))
    .description("Say how many machines held a seat in each month; counted every hour")
    .option("--month <month>", "one month alone, such as 2026-11")
    .option("--csv", "as comma-separated values, for a spreadsheet")
    .addHelpText("after", "\nExample:\n  $ suture usage --vendor acme --month 2026-11 --csv > usage.csv")
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const { tenant, param } = await tenantOf(io, options);
  const all = await everyPage<UsageView>(async (query) => {
    const { usage: items, cursor } = await read(tenant.usage.$get({ param, query }), UsageList);
    return { items, cursor };
  });
  const found = all.filter(({ month }) => options.month === undefined || month === options.month);
  const rows = found.map(({ month, customer, stream, machines, seats }) => [
    month,
    customer,
    stream,
    String(machines),
    String(seats),
  ]);
  return {
    json: { usage: found },
    lines: options.csv
      ? [["month", "customer", "stream", "machines", "seats"], ...rows].map(csvLine)
      : table(["MONTH", "CUSTOMER", "STREAM", "MACHINES", "SEATS"], rows),
  };
}
