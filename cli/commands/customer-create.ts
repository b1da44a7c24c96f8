import type { Command } from "commander";
import { CustomerView } from "../../protocol/wire/customer.ts";
import { read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";

type Options = GlobalOptions & { title?: string };

export function customerCreate(group: Command, io: Io): void {
  group
    .command("create")
    .description("Let a customer in")
    .argument("<name>", "the customer's name: a-z, 0-9 and -")
    .option("--title <text>", "the name that people read")
    .addHelpText(
      "after",
      "\nTakes an operator's token in SUTURE_TOKEN.\n\nExample:\n  $ suture customer create globex --title Globex",
    )
    .action(action(io, (options, name: string) => run(io, name, options)));
}

async function run(io: Io, customer: string, options: Options): Promise<Result> {
  const client = await signedIn(io, options);
  const created = await read(
    client.api.customers.$post({ json: { customer, title: options.title ?? customer } }),
    CustomerView,
  );
  return {
    json: created,
    lines: [`${customer} is a customer. Next: suture customer subscribe ${customer} VENDOR/PRODUCT/CHANNEL`],
  };
}
