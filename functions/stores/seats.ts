import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A machine's hold on a seat of one of its customer's subscriptions. */
export type Seat = {
  customer: string;
  /** `vendor/product/channel` */
  stream: string;
  machine: string;
  /** milliseconds since the epoch, as `releasedAt` */
  seatedAt: number;
  releasedAt?: number;
};
/** `holder` is `customer/vendor/product/channel`. The row of `counter` says how many seats are taken; it is no seat. */
type Row = Partial<Omit<Seat, "machine">> & { holder: string; machine: string; taken?: number };

/** Sorts before every machine's id, which begins with `m-`. */
const counter = "#taken";

export type SeatsStore = ReturnType<typeof seatsStore>;

/**
 * Who sits on which subscription's seats. Written by agent-api, which takes them, and the seats job, which frees them.
 *
 * A count is raised before the seat is written, and lowered after it is released: whoever dies between the two leaves a seat
 * too few to give, and the job's `recount` puts it right.
 */
export function seatsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.seats);

  function addToCount(holder: string, condition?: { condition: string; values: object }) {
    return table.update({ holder, machine: counter }, "SET #taken = if_not_exists(#taken, :none) + :one", {
      ...condition,
      values: { none: 0, one: 1, ...condition?.values },
    });
  }
  async function takeFromCount(holder: string): Promise<void> {
    await table.update({ holder, machine: counter }, "SET #taken = #taken - :one", {
      condition: "#taken > :none",
      values: { one: 1, none: 0 },
    });
  }
  async function isSeated(holder: string, machine: string): Promise<boolean> {
    const row = await table.get({ holder, machine }, { consistent: true });
    return row !== undefined && row.releasedAt === undefined;
  }

  return {
    /** Gives a machine a seat, or finds that it has one. False where all are taken. */
    async claim({ customer, stream, machine }: Seat, { seats, at }: { seats: number; at: number }): Promise<boolean> {
      const holder = holderOf(customer, stream);
      if (await isSeated(holder, machine)) return true;
      const counted = await addToCount(holder, {
        condition: "attribute_not_exists(#taken) OR #taken < :seats",
        values: { seats },
      });
      if (!counted.done) return false;
      const written = await table.put(
        { holder, machine, customer, stream, seatedAt: at },
        { condition: "attribute_not_exists(#machine) OR attribute_exists(#releasedAt)" },
      );
      // The same request, sent twice, was first
      if (!written.done) await takeFromCount(holder);
      return true;
    },

    /** Frees a seat; a second time changes nothing. */
    async release({ customer, stream, machine, seatedAt }: Seat, at: number): Promise<void> {
      const holder = holderOf(customer, stream);
      const written = await table.update({ holder, machine }, "SET #releasedAt = :at", {
        condition: "#seatedAt = :seatedAt AND attribute_not_exists(#releasedAt)",
        values: { at, seatedAt },
      });
      if (written.done) await takeFromCount(holder);
    },

    /** Frees a machine's seat, whichever it has. */
    async releaseOf({ customer, stream, machine }: Omit<Seat, "seatedAt">, at: number): Promise<void> {
      const row = await table.get({ holder: holderOf(customer, stream), machine }, { consistent: true });
      if (row?.seatedAt === undefined || row.releasedAt !== undefined) return;
      await this.release({ customer, stream, machine, seatedAt: row.seatedAt }, at);
    },

    /** Whether a machine has a seat now. */
    isSeated(customer: string, stream: string, machine: string): Promise<boolean> {
      return isSeated(holderOf(customer, stream), machine);
    },

    /** How many seats are taken. */
    async taken(customer: string, stream: string): Promise<number> {
      return (await table.get({ holder: holderOf(customer, stream), machine: counter }))?.taken ?? 0;
    },

    /** Corrects the count to `taken`, unless it has moved from `counted` in the meantime. */
    async recount(
      customer: string,
      stream: string,
      { counted, taken }: { counted: number; taken: number },
    ): Promise<void> {
      if (counted === taken) return;
      await table.update({ holder: holderOf(customer, stream), machine: counter }, "SET #taken = :taken", {
        condition: "#taken = :counted",
        values: { taken, counted },
      });
    },

    /** Every seat that is or was taken, by machine. */
    async list(customer: string, stream: string, request: PageRequest = {}): Promise<Page<Seat>> {
      const page = await table.query({ ...request, partition: holderOf(customer, stream), consistent: true });
      return { ...page, items: page.items.flatMap((row) => toSeat(row, customer, stream)) };
    },
  };
}

function holderOf(customer: string, stream: string): string {
  return `${customer}/${stream}`;
}

function toSeat({ machine, seatedAt, releasedAt }: Row, customer: string, stream: string): Seat[] {
  if (seatedAt === undefined) return [];
  return [{ customer, stream, machine, seatedAt, ...(releasedAt !== undefined && { releasedAt }) }];
}
