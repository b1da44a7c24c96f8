import { SutureError } from "../../protocol/errors.ts";
import type { Rollout } from "../domain/rollout.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** `running` is there only while it is: the index holds what the gates look at and nothing else. */
type Row = { customer: string; patch: string; revision: number; body: string; running?: "running" };

export type RolloutsStore = ReturnType<typeof rolloutsStore>;

/** Customers' rollouts. Written by the gates job, and by vendor-api where a person decides; the revision keeps them apart. */
export function rolloutsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.rollouts);
  return {
    /** Begins a rollout. False where it was begun before: the first stands. */
    async create(rollout: Rollout): Promise<boolean> {
      return (await table.create(toRow(rollout))).done;
    },
    /** Replaces the revision before this one. Throws `conflict` where another was faster. */
    async update(rollout: Rollout): Promise<void> {
      const written = await table.put(toRow(rollout), {
        condition: "#revision = :before",
        values: { before: rollout.revision - 1 },
      });
      if (!written.done) throw new SutureError("conflict", `The rollout of ${rollout.patch} was changed by another`);
    },
    async get(customer: string, patch: string): Promise<Rollout | undefined> {
      const row = await table.get({ customer, patch }, { consistent: true });
      return row && rolloutOf(row);
    },
    /** By patch. `consistent` for the plan's inputs. */
    async list(customer: string, request: PageRequest & { consistent?: boolean } = {}): Promise<Page<Rollout>> {
      const page = await table.query({ ...request, partition: customer });
      return { ...page, items: page.items.map(rolloutOf) };
    },
    /** Of every customer, by patch. */
    async listRunning(request: PageRequest = {}): Promise<Page<Rollout>> {
      const page = await table.query({ ...request, index: "running", partition: "running" });
      return { ...page, items: page.items.map(rolloutOf) };
    },
  };
}

function toRow(rollout: Rollout): Row {
  const { customer, patch, revision, state } = rollout;
  const body = JSON.stringify(rollout);
  return { customer, patch, revision, body, ...(state === "running" && { running: "running" }) };
}

/** The rollout in a row, or in a stream's image of one. */
export function rolloutOf({ body }: { readonly body?: unknown }): Rollout {
  // One from before rollouts had phases
  return { phase: 0, forgiven: 0, ...JSON.parse(String(body)) };
}
