import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** How much of a subscription was used in one month. */
export type Usage = {
  customer: string;
  /** `vendor/product/channel` */
  stream: string;
  /** `2026-11`, in UTC */
  month: string;
  /** machines that held a seat at some time of the month */
  machines: number;
  /** seats that were granted, as of the last count */
  seats: number;
  /** milliseconds since the epoch */
  countedAt: number;
};
type Row = Usage & { entry: string; vendor: string };

export type UsageStore = ReturnType<typeof usageStore>;

/** Usage by month. Written by the seats job, which may count a month many times. */
export function usageStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.usage);

  async function list(query: Parameters<typeof table.query>[0]): Promise<Page<Usage>> {
    const page = await table.query(query);
    return { ...page, items: page.items.map(({ entry: _entry, vendor: _vendor, ...usage }) => usage) };
  }

  return {
    /** Keeps a count. A month's number of machines never falls: a seat that another machine took over was used all the same. */
    async record(usage: Usage): Promise<void> {
      const vendor = usage.stream.slice(0, usage.stream.indexOf("/"));
      await table.put(
        { ...usage, vendor, entry: `${usage.month}/${usage.stream}` },
        { condition: "attribute_not_exists(#entry) OR #machines <= :machines", values: { machines: usage.machines } },
      );
    },
    /** By month, then stream. */
    listByCustomer: (customer: string, request: PageRequest = {}) => list({ ...request, partition: customer }),
    /** By month, then stream, then in no order. */
    listByVendor: (vendor: string, request: PageRequest = {}) =>
      list({ ...request, index: "byVendor", partition: vendor }),
  };
}
