import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A customer's right to one product's channel. */
export type Subscription = {
  customer: string;
  /** `vendor/product/channel` */
  stream: string;
  seats: number;
  /** milliseconds since the epoch; null where it has no end */
  endsAt: number | null;
  createdAt: number;
};

export type SubscriptionsStore = ReturnType<typeof subscriptionsStore>;

/** Who may have which channel. Written by vendor-api, for the vendor. */
export function subscriptionsStore(dynamo: Dynamo) {
  const table = openTable<Subscription>(dynamo, tables.subscriptions);
  return {
    /** Adds or replaces: the last word counts, but `createdAt` stays the first. */
    async put({ customer, stream, seats, endsAt, createdAt }: Subscription): Promise<void> {
      await table.update(
        { customer, stream },
        "SET #seats = :seats, #endsAt = :endsAt, #createdAt = if_not_exists(#createdAt, :createdAt)",
        { values: { seats, endsAt, createdAt } },
      );
    },
    /** A customer's subscriptions, ended ones too. `consistent` for the plan's inputs. */
    listByCustomer(
      customer: string,
      request: PageRequest & { consistent?: boolean } = {},
    ): Promise<Page<Subscription>> {
      return table.query({ ...request, partition: customer });
    },
  };
}
