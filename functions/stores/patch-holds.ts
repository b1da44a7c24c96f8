import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** Three customers have nothing to do with each other: one, or two that conspire, hold a patch for nobody else. */
const customersToHold = 3;

/** Who stopped a patch. */
export type PatchHold = {
  /** `vendor/product/channel/patch@version` */
  id: string;
  /** customers whose rollouts halted since the vendor answered last */
  customers: string[];
  /** the vendor halted it itself */
  byVendor: boolean;
  /** what the vendor said when it answered last */
  answer?: string;
};
type Row = PatchHold & { stream: string; patch: string; revision: number };

export type PatchHoldsStore = ReturnType<typeof patchHoldsStore>;

/** Whether nobody gets the patch until its vendor answers. */
export function isHeldForEveryone({ byVendor, customers }: Pick<PatchHold, "byVendor" | "customers">): boolean {
  return byVendor || customers.length >= customersToHold;
}

/** Patches that were stopped. Written by the gates job, and by vendor-api for the vendor. */
export function patchHoldsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.patchHolds);

  async function change(id: string, to: (hold: PatchHold) => PatchHold): Promise<PatchHold> {
    for (;;) {
      const key = keyOf(id);
      const row = await table.get(key, { consistent: true });
      const before: PatchHold = row ? toHold(row) : { id, customers: [], byVendor: false };
      const after = to(before);
      if (after === before) return before;
      const revision = row?.revision ?? 0;
      const written = await table.put(
        { ...after, ...key, revision: revision + 1 },
        { condition: "attribute_not_exists(#stream) OR #revision = :revision", values: { revision } },
      );
      if (written.done) return after;
    }
  }

  return {
    /** Counts a customer whose rollout halted; a customer counts once. */
    addHalt(id: string, customer: string): Promise<PatchHold> {
      return change(id, (hold) =>
        hold.customers.includes(customer) || isHeldForEveryone(hold)
          ? hold
          : { ...hold, customers: [...hold.customers, customer] },
      );
    },
    /** The vendor stops it for everyone, and says why. */
    hold(id: string, answer: string): Promise<PatchHold> {
      return change(id, (hold) => ({ ...hold, byVendor: true, answer }));
    },
    /** The vendor answers: it goes on, and halts are counted from nothing. Customers' own halts stand. */
    release(id: string, answer: string): Promise<PatchHold> {
      return change(id, (hold) => ({ ...hold, byVendor: false, customers: [], answer }));
    },
    /** A patch that nobody stopped has a hold that holds nothing. */
    async get(id: string): Promise<PatchHold> {
      const row = await table.get(keyOf(id), { consistent: true });
      return row ? toHold(row) : { id, customers: [], byVendor: false };
    },
    async listByStream(stream: string, request: PageRequest & { consistent?: boolean } = {}): Promise<Page<PatchHold>> {
      const page = await table.query({ ...request, partition: stream });
      return { ...page, items: page.items.map(toHold) };
    },
  };
}

function keyOf(id: string): { stream: string; patch: string } {
  const slash = id.lastIndexOf("/");
  return { stream: id.slice(0, slash), patch: id.slice(slash + 1) };
}

function toHold({ stream: _stream, patch: _patch, revision: _revision, ...hold }: Row): PatchHold {
  return hold;
}
