import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** What the service does with a group's machines: patch them, or only say what it would do. */
export type Group = { mode: "auto" | "report" };
export type Customer = {
  customer: string;
  title: string;
  /** milliseconds since the epoch */
  createdAt: number;
  groups: Record<string, Group>;
};
type Row = Customer & { kind: "customer"; announcedAt?: number };

export type CustomersStore = ReturnType<typeof customersStore>;

/** The customers and their groups. Written by the operator's and the customer's own pages. */
export function customersStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.customers);
  return {
    /** Throws `already-exists`. */
    async create(customer: Customer): Promise<void> {
      const { done } = await table.create({ ...customer, kind: "customer" });
      if (!done) throw new SutureError("already-exists", `There is a customer ${customer.customer} already`);
    },
    /** `consistent` for the plan's inputs. */
    async get(customer: string, options: { consistent?: boolean } = {}): Promise<Customer | undefined> {
      const row = await table.get({ customer }, options);
      return row && toCustomer(row);
    },
    async list(request: PageRequest = {}): Promise<Page<Customer>> {
      const page = await table.query({ ...request, index: "all", partition: "customer" });
      return { ...page, items: page.items.map(toCustomer) };
    },
    /** Lets a customer's machines know that something of theirs has changed, which no stream tells. Throws `not-found`. */
    async announce(customer: string, at: number): Promise<void> {
      const written = await table.update({ customer }, "SET #announcedAt = :at", {
        condition: "attribute_exists(#customer)",
        values: { at },
      });
      if (!written.done) throw new SutureError("not-found", `There is no customer ${customer}`);
    },
    /** Adds or changes one group and leaves the others alone. Throws `not-found`. */
    async setGroup(customer: string, name: string, group: Group): Promise<Customer> {
      const written = await table.update({ customer }, "SET #groups.#name = :group", {
        condition: "attribute_exists(#customer)",
        names: { name },
        values: { group },
      });
      if (!written.done) throw new SutureError("not-found", `There is no customer ${customer}`);
      return toCustomer(written.row);
    },
  };
}

function toCustomer({ kind: _kind, announcedAt: _announcedAt, ...customer }: Row): Customer {
  return customer;
}
