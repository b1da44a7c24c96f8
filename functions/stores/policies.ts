import type { PolicyView } from "../../protocol/wire/policy.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** What a policy says is one text attribute: it is read whole, and nothing asks for a part of it. */
type Row = { customer: string; policy: string; terms: string };

export type PoliciesStore = ReturnType<typeof policiesStore>;

/** Customers' policies. Written by vendor-api. */
export function policiesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.policies);
  return {
    /** Adds or replaces. */
    async put(customer: string, { name, ...terms }: PolicyView): Promise<void> {
      await table.put({ customer, policy: name, terms: JSON.stringify(terms) });
    },
    async get(customer: string, name: string): Promise<PolicyView | undefined> {
      const row = await table.get({ customer, policy: name }, { consistent: true });
      return row && toPolicy(row);
    },
    /** False where there was none. */
    async remove(customer: string, name: string): Promise<boolean> {
      return await table.remove({ customer, policy: name });
    },
    /** By name. `consistent` for the plan's inputs. */
    async list(customer: string, request: PageRequest & { consistent?: boolean } = {}): Promise<Page<PolicyView>> {
      const page = await table.query({ ...request, partition: customer });
      return { ...page, items: page.items.map(toPolicy) };
    },
  };
}

function toPolicy({ policy, terms }: Row): PolicyView {
  return { name: policy, ...JSON.parse(terms) };
}
