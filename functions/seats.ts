import type { Machine } from "./stores/machines.ts";
import { collect } from "./stores/page.ts";
import type { SeatsStore } from "./stores/seats.ts";
import type { SubscriptionsStore } from "./stores/subscriptions.ts";

export type SeatKeepers = { seats: SeatsStore; subscriptions: SubscriptionsStore };

/** Frees every seat that a machine has. @param at milliseconds since the epoch */
export async function freeSeats(
  { machine, customer }: Pick<Machine, "machine" | "customer">,
  { seats, subscriptions }: SeatKeepers,
  at: number,
): Promise<void> {
  for (const { stream } of await collect((page) => subscriptions.listByCustomer(customer, page))) {
    await seats.releaseOf({ customer, stream, machine }, at);
  }
}
