import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A customer's right to one product's channel. */
export type Subscription = {
  customer: string;
  /** `vendor/product/channel` */
  stream: string;
  /** what the vendor sells it as */
  plan: string;
  seats: number;
  /** milliseconds since the epoch, as the other times; null where it has no end */
  endsAt: number | null;
  /** how long after its end it is still served */
  graceDays: number;
  createdAt: number;
  revokedAt?: number;
};
type Granting = Pick<Subscription, "customer" | "stream" | "seats" | "endsAt" | "createdAt"> &
  Partial<Pick<Subscription, "plan" | "graceDays">>;
type Row = Subscription & { vendor: string };

export type SubscriptionsStore = ReturnType<typeof subscriptionsStore>;

/** Who may have which channel. Written by vendor-api, for the vendor. */
export function subscriptionsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.subscriptions);
  return {
    /** Grants, by default the `standard` plan without grace: the last word counts, and takes a revocation back; `createdAt` stays the first. */
    async put({
      customer,
      stream,
      createdAt,
      plan = "standard",
      graceDays = 0,
      ...terms
    }: Granting): Promise<Subscription> {
      const written = await table.update(
        { customer, stream },
        "SET #vendor = :vendor, #plan = :plan, #seats = :seats, #endsAt = :endsAt, #graceDays = :graceDays, " +
          "#createdAt = if_not_exists(#createdAt, :createdAt) REMOVE #revokedAt",
        { values: { seats: terms.seats, endsAt: terms.endsAt, plan, graceDays, createdAt, vendor: vendorOf(stream) } },
      );
      if (!written.done) throw new SutureError("internal", "A write without a condition was refused");
      return toSubscription(written.row);
    },
    /** Ends a subscription at once; the first time stands. Throws `not-found`. */
    async revoke(customer: string, stream: string, at: number): Promise<Subscription> {
      const written = await table.update({ customer, stream }, "SET #revokedAt = if_not_exists(#revokedAt, :at)", {
        condition: "attribute_exists(#stream)",
        values: { at },
      });
      if (!written.done) throw new SutureError("not-found", `${customer} has no subscription to ${stream}`);
      return toSubscription(written.row);
    },
    async get(customer: string, stream: string): Promise<Subscription | undefined> {
      const row = await table.get({ customer, stream });
      return row && toSubscription(row);
    },
    /** A customer's subscriptions, ended ones too. `consistent` for the plan's inputs. */
    async listByCustomer(
      customer: string,
      request: PageRequest & { consistent?: boolean } = {},
    ): Promise<Page<Subscription>> {
      const page = await table.query({ ...request, partition: customer });
      return { ...page, items: page.items.map(toSubscription) };
    },
    /** A vendor's subscriptions, by customer, ended ones too. */
    async listByVendor(vendor: string, request: PageRequest = {}): Promise<Page<Subscription>> {
      const page = await table.query({ ...request, index: "byVendor", partition: vendor });
      return { ...page, items: page.items.map(toSubscription) };
    },
  };
}

function vendorOf(stream: string): string {
  return stream.slice(0, stream.indexOf("/"));
}

/** What was granted before there were plans and grace is a `standard` one without. */
function toSubscription({ vendor: _vendor, ...row }: Row): Subscription {
  return { ...row, plan: row.plan ?? "standard", graceDays: row.graceDays ?? 0 };
}
