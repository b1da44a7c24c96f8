import type { OutcomeCode } from "../../protocol/wire/host.ts";
import type { Receipt } from "../../protocol/wire/report.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** What one patch came to on one machine, by its newest receipt. */
export type PatchState = {
  machine: string;
  patchId: string;
  customer: string;
  state: OutcomeCode;
  action: Receipt["action"];
  detail: string;
  /** milliseconds since the epoch */
  at: number;
  /** sequence of the receipt that says so */
  receipt: number;
};

export type StatesStore = ReturnType<typeof statesStore>;

/** Each machine's patches. Written by agent-api when it takes receipts, in whatever order they come. */
export function statesStore(dynamo: Dynamo) {
  const table = openTable<PatchState>(dynamo, tables.states);
  return {
    /** False when a receipt as new or newer was recorded before; then nothing changes. */
    async record(state: PatchState): Promise<boolean> {
      const written = await table.put(state, {
        condition: "attribute_not_exists(#machine) OR #receipt < :receipt",
        values: { receipt: state.receipt },
      });
      return written.done;
    },
    listByMachine(machine: string, request: PageRequest = {}): Promise<Page<PatchState>> {
      return table.query({ ...request, partition: machine });
    },
    /** By machine, then in no order. */
    listByCustomer(customer: string, request: PageRequest = {}): Promise<Page<PatchState>> {
      return table.query({ ...request, index: "byCustomer", partition: customer });
    },
    /** Across all customers: who shows it to one of them filters by `customer`. */
    listByPatch(patchId: string, request: PageRequest = {}): Promise<Page<PatchState>> {
      return table.query({ ...request, index: "byPatch", partition: patchId });
    },
  };
}
