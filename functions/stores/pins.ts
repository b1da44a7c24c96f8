import type { PinTerms } from "../../protocol/wire/policy.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

export type StoredPin = PinTerms & { name: string };
type Row = { customer: string; pin: string; terms: string };

export type PinsStore = ReturnType<typeof pinsStore>;

/** Customers' pins, ended ones too. Written by vendor-api. */
export function pinsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.pins);
  return {
    /** Adds or replaces. */
    async put(customer: string, { name, ...terms }: StoredPin): Promise<void> {
      await table.put({ customer, pin: name, terms: JSON.stringify(terms) });
    },
    async get(customer: string, name: string): Promise<StoredPin | undefined> {
      const row = await table.get({ customer, pin: name }, { consistent: true });
      return row && toPin(row);
    },
    /** False where there was none. */
    async remove(customer: string, name: string): Promise<boolean> {
      return await table.remove({ customer, pin: name });
    },
    /** By name. `consistent` for the plan's inputs. */
    async list(customer: string, request: PageRequest & { consistent?: boolean } = {}): Promise<Page<StoredPin>> {
      const page = await table.query({ ...request, partition: customer });
      return { ...page, items: page.items.map(toPin) };
    },
  };
}

function toPin({ pin, terms }: Row): StoredPin {
  return { name: pin, ...JSON.parse(terms) };
}
