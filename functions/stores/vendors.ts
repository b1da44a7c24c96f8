import { SutureError } from "../../protocol/errors.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A key that the service holds for a vendor: the public half, and the private half as its wrapper returned it (base64). */
type OnlineKey = { key: TufKey; wrapped: string };
export type OnlineKeys = { snapshot: OnlineKey; timestamp: OnlineKey };
export type Vendor = {
  vendor: string;
  title: string;
  /** milliseconds since the epoch, as every time in the stores */
  createdAt: number;
  onlineKeys: OnlineKeys;
  /** those that are to follow, from a rotation that has begun; in force once the vendor's root names them (domain/online-keys.ts) */
  nextOnlineKeys?: OnlineKeys;
};
type Row = Vendor & { kind: "vendor" };

export type VendorsStore = ReturnType<typeof vendorsStore>;

/** The vendors. Written by vendor-api when an operator lets a vendor in, and when the vendor replaces its online keys. */
export function vendorsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.vendors);
  return {
    /** Throws `already-exists`. */
    async create(vendor: Vendor): Promise<void> {
      const { done } = await table.create({ ...vendor, kind: "vendor" });
      if (!done) throw new SutureError("already-exists", `There is a vendor ${vendor.vendor} already`);
    },
    /** Keeps other online keys with a vendor. False where they are not any more what `before` says. */
    async changeOnlineKeys(before: Vendor, keys: Required<Pick<Vendor, "onlineKeys" | "nextOnlineKeys">>) {
      const next = before.nextOnlineKeys?.timestamp.wrapped;
      const isNext =
        next === undefined ? "attribute_not_exists(#nextOnlineKeys)" : "#nextOnlineKeys.#timestamp.#wrapped = :next";
      const { done } = await table.put(
        { ...before, ...keys, kind: "vendor" },
        {
          condition: `#onlineKeys.#timestamp.#wrapped = :first AND ${isNext}`,
          values: { first: before.onlineKeys.timestamp.wrapped, ...(next !== undefined && { next }) },
        },
      );
      return done;
    },
    async get(vendor: string): Promise<Vendor | undefined> {
      const row = await table.get({ vendor });
      return row && toVendor(row);
    },
    async list(request: PageRequest = {}): Promise<Page<Vendor>> {
      const page = await table.query({ ...request, index: "all", partition: "vendor" });
      return { ...page, items: page.items.map(toVendor) };
    },
  };
}

function toVendor({ kind: _kind, ...vendor }: Row): Vendor {
  return vendor;
}
