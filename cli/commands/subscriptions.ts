import type { Command } from "commander";
import { SubscriptionList, SubscriptionView } from "../../protocol/wire/subscriptions.ts";
import { at, everyPage, read } from "../client.ts";
import { streamOf, subscriptionOf } from "../grantor.ts";
import { action, type Io, type Result } from "../io.ts";
import { table } from "../table.ts";
import { type TenantOptions, tenantOf, whose } from "../tenant.ts";

type Options = TenantOptions & { stream?: string };

export function subscriptions(program: Command, io: Io): void {
  whose(program.command("subscriptions"))
    .description("List what a customer may have, or who may have a vendor's channels")
    .option("--stream <stream>", "one of a customer's alone: vendor/product/channel")
    .addHelpText("after", "\nExample:\n  $ suture subscriptions --customer globex")
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const { client, tenant, param, name } = await tenantOf(io, options);
  const found =
    options.stream === undefined
      ? await everyPage<SubscriptionView>(async (query) => {
          const page = await read(tenant.subscriptions.$get({ param, query }), SubscriptionList);
          return { items: page.subscriptions, cursor: page.cursor };
        })
      : [
          await read(
            subscriptionOf(client).$get({ param: at({ customer: name, ...streamOf(options.stream) }) }),
            SubscriptionView,
          ),
        ];
  const rows = found.map(({ customer, vendor, product, channel, plan, seats, seatsTaken, standing, endsAt }) => [
    customer,
    `${vendor}/${product}/${channel}`,
    plan,
    `${seatsTaken} of ${seats}`,
    standing,
    endsAt?.slice(0, 10) ?? "-",
  ]);
  return {
    json: { subscriptions: found },
    lines: table(["CUSTOMER", "STREAM", "PLAN", "SEATS", "STANDING", "END (UTC)"], rows),
  };
}
