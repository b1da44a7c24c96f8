import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A receipt as the machine signed it. */
export type StoredReceipt = {
  machine: string;
  sequence: number;
  /** the envelope: DSSE, as JSON text */
  receipt: string;
  /** milliseconds since the epoch */
  receivedAt: number;
};

export type ReceiptsStore = ReturnType<typeof receiptsStore>;

/** Every receipt, kept as it came. Written by agent-api. */
export function receiptsStore(dynamo: Dynamo) {
  const table = openTable<StoredReceipt>(dynamo, tables.receipts);
  return {
    /** Keeps a receipt. False when its number is there already: the first stands. */
    async put(receipt: StoredReceipt): Promise<boolean> {
      return (await table.create(receipt)).done;
    },
    /** The newest first. */
    listByMachine(machine: string, request: PageRequest = {}): Promise<Page<StoredReceipt>> {
      return table.query({ ...request, partition: machine, descending: true });
    },
    /** Reads the machine's receipts within DynamoDB, and no other's. */
    count(machine: string): Promise<number> {
      return table.count(machine);
    },
  };
}
