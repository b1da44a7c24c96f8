import type { Command } from "commander";
import { SubscriptionView } from "../../protocol/wire/subscriptions.ts";
import { at, read } from "../client.ts";
import { asGrantor, streamOf, subscriptionOf } from "../grantor.ts";
import { action, type Io } from "../io.ts";
import type { VendorOptions } from "../vendor-folder.ts";

export function customerUnsubscribe(group: Command, io: Io): void {
  group
    .command("unsubscribe")
    .description("End a customer's subscription at once: what is applied stays, nothing new comes")
    .argument("<customer>", "the customer's name")
    .argument("<stream>", "vendor/product/channel")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      "\nFor operators and the vendor.\n\nExample:\n  $ suture customer unsubscribe globex acme/echod/stable",
    )
    .action(
      action(io, async (options: VendorOptions, customer: string, stream: string) => {
        const param = at({ customer, ...streamOf(stream) });
        const client = await asGrantor(io, options, param);
        const ended = await read(subscriptionOf(client).$delete({ param }), SubscriptionView);
        return { json: ended, lines: [`${customer} gets nothing new from ${stream}.`] };
      }),
    );
}
