import type { SavedView, ViewTerms } from "../../protocol/wire/views.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** Whose views: a customer's shared ones, or those of one sign-in there. */
export type ViewOwner = { customer: string; user?: string };
type Row = { owner: string; view: string; terms: string };

export type ViewsStore = ReturnType<typeof viewsStore>;

/** Saved views of customers' machines. Written by vendor-api. */
export function viewsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.views);
  return {
    /** Adds or replaces. */
    async put(owner: ViewOwner, name: string, terms: ViewTerms): Promise<void> {
      await table.put({ owner: ownerKey(owner), view: name, terms: JSON.stringify(terms) });
    },
    async get(owner: ViewOwner, name: string): Promise<SavedView | undefined> {
      const row = await table.get({ owner: ownerKey(owner), view: name }, { consistent: true });
      return row && toView(owner, row);
    },
    /** False where there was none. */
    async remove(owner: ViewOwner, name: string): Promise<boolean> {
      return await table.remove({ owner: ownerKey(owner), view: name });
    },
    /** By name. */
    async list(owner: ViewOwner, request: PageRequest = {}): Promise<Page<SavedView>> {
      const page = await table.query({ ...request, partition: ownerKey(owner), consistent: true });
      return { ...page, items: page.items.map((row) => toView(owner, row)) };
    },
  };
}

function ownerKey({ customer, user }: ViewOwner): string {
  return user === undefined ? customer : `${customer} ${user}`;
}

function toView({ user }: ViewOwner, { view, terms }: Row): SavedView {
  return { scope: user === undefined ? "shared" : "own", name: view, ...JSON.parse(terms) };
}
