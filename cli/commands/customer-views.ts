import type { Command } from "commander";
import { CustomerList, CustomerView } from "../../protocol/wire/customer.ts";
import { at, everyPage, read } from "../client.ts";
import { action, type Io } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";

/** `customer list` and `customer show`. */
export function customerViews(group: Command, io: Io): void {
  group
    .command("list")
    .description("List the customers")
    .addHelpText("after", "\nTakes an operator's token in SUTURE_TOKEN.\n\nExample:\n  $ suture customer list")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const customers = await everyPage<CustomerView>(async (query) => {
          const { customers: items, cursor } = await read(client.api.customers.$get({ query }), CustomerList);
          return { items, cursor };
        });
        return { json: { customers }, lines: table(["CUSTOMER", "TITLE", "GROUPS"], customers.map(rowOf)) };
      }),
    );
  group
    .command("show")
    .description("Show a customer and its groups")
    .argument("<name>", "the customer's name")
    .addHelpText("after", "\nExample:\n  $ suture customer show globex")
    .action(
      action(io, async (options, name: string) => {
        const client = await signedIn(io, options);
        const customer = await read(
          client.api.customers[":customer"].$get({ param: at({ customer: name }) }),
          CustomerView,
        );
        return { json: customer, lines: table(["CUSTOMER", "TITLE", "GROUPS"], [rowOf(customer)]) };
      }),
    );
}

function rowOf({ customer, title, groups }: CustomerView): string[] {
  return [customer, title, Object.keys(groups).join(" ")];
}
