import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { SubscriptionView } from "../../protocol/wire/subscriptions.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";

type Options = GlobalOptions & { seats: string; until?: string };

export function customerSubscribe(group: Command, io: Io): void {
  group
    .command("subscribe")
    .description("Give a customer a product's channel, or change its seats and end")
    .argument("<customer>", "the customer's name")
    .argument("<stream>", "vendor/product/channel")
    .option("--seats <number>", "for how many machines", "10")
    .option("--until <date>", "the last day, as 2027-12-31, in UTC (default: no end)")
    .addHelpText(
      "after",
      "\nTakes an operator's token in SUTURE_TOKEN.\n\nExample:\n  $ suture customer subscribe globex acme/echod/stable --seats 200 --until 2027-12-31",
    )
    .action(action(io, (options, customer: string, stream: string) => run(io, customer, stream, options as Options)));
}

async function run(io: Io, customer: string, stream: string, options: Options): Promise<Result> {
  if (!/^[a-z0-9-]+\/[a-z0-9-]+\/(?:edge|beta|stable)$/.test(stream)) {
    throw new SutureError("invalid-request", `${stream} is no vendor/product/channel, such as acme/echod/stable`);
  }
  const client = await signedIn(io, options);
  const path = `/v1/customers/${encodeURIComponent(customer)}/subscriptions/${stream}`;
  const terms = { seats: Number(options.seats), endsAt: options.until === undefined ? null : endOf(options.until) };
  const subscription = await client.call("PUT", path, SubscriptionView, terms);
  const end = subscription.endsAt === null ? "without an end" : `until ${options.until}`;
  return { json: subscription, lines: [`${customer} has ${stream} for ${subscription.seats} machines, ${end}.`] };
}

/** The end of a day in UTC. */
function endOf(date: string): string {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(start)) throw new SutureError("invalid-request", `--until ${date} is no date, such as 2027-12-31`);
  return new Date(start + 86_400_000).toISOString();
}
