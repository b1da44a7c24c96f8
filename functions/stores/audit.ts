import { randomBytes } from "node:crypto";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** One change: who did what to whom, and what was there before and after. */
export type AuditEntry = {
  /** whose log it stands in: `customer/globex`, `vendor/acme`, `service` */
  log: string;
  /** sorts by time */
  entry: string;
  /** milliseconds since the epoch */
  at: number;
  /** kind, tenant, role and label of the sign-in, or the name of a job */
  who: string;
  /** method and path, or what a job did to what */
  what: string;
  /** a job's reason */
  why?: string;
  /** JSON text; absent where there was nothing, or is nothing to show */
  before?: string;
  after?: string;
};

export type AuditStore = ReturnType<typeof auditStore>;

/** The log of every change. It only grows: there is no way to change or remove an entry through this store. */
export function auditStore(dynamo: Dynamo) {
  const table = openTable<AuditEntry>(dynamo, tables.audit);
  return {
    /** @param id the change's own, if it has one: said again under it, the entry stands as it is */
    async append(entry: Omit<AuditEntry, "entry">, id = randomBytes(6).toString("hex")): Promise<void> {
      await table.put({ ...entry, entry: keyOf(entry.at, id) }, { condition: "attribute_not_exists(#entry)" });
    },
    /** Whether an entry of this moment stands under this id. */
    async has(log: string, at: number, id: string): Promise<boolean> {
      return (await table.get({ log, entry: keyOf(at, id) }, { consistent: true })) !== undefined;
    },
    /** Appends what is said once: `id` and the time name it. Said again it changes nothing. */
    async appendOnce(entry: Omit<AuditEntry, "entry">, id: string): Promise<void> {
      const row = { ...entry, entry: `${new Date(entry.at).toISOString()}/${id}` };
      await table.put(row, { condition: "attribute_not_exists(#entry)" });
    },
    /** Newest first. */
    list: (log: string, request: PageRequest = {}): Promise<Page<AuditEntry>> =>
      table.query({ ...request, partition: log, descending: true }),
  };
}

function keyOf(at: number, id: string): string {
  return `${new Date(at).toISOString()}/${id}`;
}
