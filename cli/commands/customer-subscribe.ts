import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { SubscriptionView } from "../../protocol/wire/subscriptions.ts";
import { at, read } from "../client.ts";
import { asGrantor, streamOf, subscriptionOf } from "../grantor.ts";
import { action, type Io, type Result } from "../io.ts";
import type { VendorOptions } from "../vendor-folder.ts";

type Options = VendorOptions & { seats: string; until?: string; plan?: string; graceDays?: string };

export function customerSubscribe(group: Command, io: Io): void {
  group
    .command("subscribe")
    .description("Give a customer a product's channel, or change its plan, seats and end")
    .argument("<customer>", "the customer's name")
    .argument("<stream>", "vendor/product/channel")
    .option("--seats <number>", "for how many machines", "10")
    .option("--until <date>", "the last day, as 2027-12-31, in UTC (default: no end)")
    .option("--grace-days <number>", "how long after its end new patches still come (default: 14)")
    .option("--plan <name>", "what it is sold as (default: standard)")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      `
For operators, with their token in SUTURE_TOKEN, and for the vendor.

Example:
  $ suture customer subscribe globex acme/echod/stable --seats 200 --until 2027-12-31`,
    )
    .action(action(io, (options, customer: string, stream: string) => run(io, customer, stream, options as Options)));
}

async function run(io: Io, customer: string, stream: string, options: Options): Promise<Result> {
  const param = at({ customer, ...streamOf(stream) });
  const client = await asGrantor(io, options, param);
  const { seats, until, plan, graceDays } = options;
  const json = {
    seats: Number(seats),
    endsAt: until === undefined ? null : endOf(until),
    ...(plan !== undefined && { plan }),
    ...(graceDays !== undefined && { graceDays: Number(graceDays) }),
  };
  const subscription = await read(subscriptionOf(client).$put({ param, json }), SubscriptionView);
  const end = subscription.endsAt === null ? "without an end" : `until ${until}`;
  return { json: subscription, lines: [`${customer} has ${stream} for ${subscription.seats} machines, ${end}.`] };
}

/** The end of a day in UTC. */
function endOf(date: string): string {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(start)) throw new SutureError("invalid-request", `--until ${date} is no date, such as 2027-12-31`);
  return new Date(start + 86_400_000).toISOString();
}
