import type { OutcomeCode } from "../../protocol/wire/host.ts";
import type { IncidentKind } from "../../protocol/wire/incident.ts";
import type { PartlyApplied } from "../../protocol/wire/partial.ts";
import type { Receipt } from "../../protocol/wire/report.ts";
import type { Dynamo } from "./dynamo.ts";
import { collect, type Page, type PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** Trouble that was put down to a patch while it was in. `at` in milliseconds since the epoch; `sequence` is the incident's. */
export type Trouble = { kind: IncidentKind; detail: string; at: number; sequence: number };
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
  /** sequence of the receipt that says so; 0 where an incident came before every receipt */
  receipt: number;
  /** the newest, since the patch went in last */
  trouble?: Trouble;
  /** how many processes lack it while others have it */
  partial?: PartlyApplied;
  /** the service's own, where the machine could not use what it was served */
  fault?: "service";
};
/** `outAt`: the newest receipt by which it was not in. `inSince`: `outAt` as it was when the patch came in last. */
type Row = Omit<PatchState, "partial"> & { partial?: PartlyApplied | null; outAt?: number; inSince?: number };

const inEffect: readonly OutcomeCode[] = ["applied", "already-applied"];

export type StatesStore = ReturnType<typeof statesStore>;

/** Each machine's patches. Written by agent-api when it takes reports, in whatever order they come; removed by the fleet job. */
export function statesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.states);
  const pageOf = ({ items, ...page }: Page<Row>): Page<PatchState> => ({ ...page, items: items.map(toPatchState) });
  return {
    /** False when a receipt as new or newer was recorded before; then nothing changes. */
    async record({ machine, patchId, fault, ...state }: Omit<PatchState, "trouble">): Promise<boolean> {
      const ofFault = fault === undefined ? " REMOVE #fault" : ", #fault = :fault";
      const written = await table.update({ machine, patchId }, `${setAll}${stayOf(state.state)}${ofFault}`, {
        condition: "attribute_not_exists(#receipt) OR #receipt < :receipt",
        values: {
          ...state,
          partial: state.partial ?? null,
          ...(fault !== undefined && { fault }),
          ...(inEffect.includes(state.state) && { none: 0 }),
        },
      });
      return written.done;
    },
    /**
     * Puts trouble down to a patch that was in since `since` (milliseconds since the epoch). False where trouble as new or newer
     * was put down to it before.
     */
    async blame(
      { machine, patchId, customer }: Pick<PatchState, "machine" | "patchId" | "customer">,
      trouble: Trouble,
      since: number,
    ): Promise<boolean> {
      const written = await table.update({ machine, patchId }, setTrouble, {
        condition: "attribute_not_exists(#trouble) OR #trouble.#sequence < :sequence",
        values: {
          trouble,
          sequence: trouble.sequence,
          customer,
          state: "applied",
          action: "apply",
          detail: "",
          at: since,
          receipt: 0,
          partial: null,
        },
      });
      return written.done;
    },
    /** Removes every word of a machine; where there is none, nothing. */
    async forget(machine: string): Promise<void> {
      const all = await collect((page) => this.listByMachine(machine, page));
      for (const { patchId } of all) await table.remove({ machine, patchId });
    },
    async listByMachine(machine: string, request: PageRequest = {}): Promise<Page<PatchState>> {
      return pageOf(await table.query({ ...request, partition: machine }));
    },
    /** By machine, then in no order. */
    async listByCustomer(customer: string, request: PageRequest = {}): Promise<Page<PatchState>> {
      return pageOf(await table.query({ ...request, index: "byCustomer", partition: customer }));
    },
    /** Across all customers: who shows it to one of them filters by `customer`. */
    async listByPatch(patchId: string, request: PageRequest = {}): Promise<Page<PatchState>> {
      return pageOf(await table.query({ ...request, index: "byPatch", partition: patchId }));
    },
  };
}

const members = ["customer", "state", "action", "detail", "at", "receipt", "partial"];
const setAll = `SET ${members.map((name) => `#${name} = :${name}`).join(", ")}`;
/** An incident may come before the receipt of the apply, whose word counts more. */
const setTrouble = `SET #trouble = :trouble, ${members.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(", ")}`;

function stayOf(state: OutcomeCode): string {
  if (inEffect.includes(state)) return ", #inSince = if_not_exists(#outAt, :none)";
  return state === "undo-pending" ? "" : ", #outAt = :receipt";
}

/** A row of the table, as a stream's image has it too. Trouble of an earlier stay is over. */
export function toPatchState(row: Row): PatchState {
  const { outAt: _outAt, inSince = 0, trouble, partial, ...rest } = row;
  const state: PatchState = { ...rest, ...(partial && { partial }) };
  return trouble !== undefined && trouble.sequence > inSince ? { ...state, trouble } : state;
}
