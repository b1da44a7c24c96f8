import { createHash } from "node:crypto";
import { presenceOf } from "../control.ts";
import { isAbandoned, monthOf, type SeatHold, seatsUsed } from "../domain/entitlement.ts";
import type { CustomersStore } from "../stores/customers.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { Seat, SeatsStore } from "../stores/seats.ts";
import type { Subscription, SubscriptionsStore } from "../stores/subscriptions.ts";
import type { UsageStore } from "../stores/usage.ts";

export type SeatsDeps = {
  customers: CustomersStore;
  subscriptions: SubscriptionsStore;
  machines: MachinesStore;
  seats: SeatsStore;
  usage: UsageStore;
};

const hour = 3600;
const day = 24 * hour;

/**
 * Counts what each subscription's seats were used for in this month, and frees those whose machines are silent, within a day. Run hourly; run
 * twice it changes nothing more. The day before counts too, so that a month's last hour is not lost.
 * @param now milliseconds since the epoch
 */
export async function tendSeats({ now, ...deps }: SeatsDeps & { now: number }): Promise<{ freed: number }> {
  let freed = 0;
  for (const { customer } of await collect((page) => deps.customers.list(page))) {
    for (const subscription of await collect((page) => deps.subscriptions.listByCustomer(customer, page))) {
      freed += await tendSubscription(subscription, deps, now);
    }
  }
  return { freed };
}

async function tendSubscription(
  { customer, stream, seats: granted }: Subscription,
  { machines, seats, usage }: SeatsDeps,
  now: number,
): Promise<number> {
  const counted = await seats.taken(customer, stream);
  const all = await collect((page) => seats.list(customer, stream, page));
  if (all.length === 0) return 0;
  const at = Math.floor(now / 1000);
  for (const month of new Set([monthOf(at - day), monthOf(at)])) {
    const used = seatsUsed(all.map(inSeconds), month);
    if (used > 0) await usage.record({ customer, stream, month, machines: used, seats: granted, countedAt: now });
  }
  // A claim that is between its count and its seat in this very moment is overlooked, and counted by the next run
  const taken = all.filter(({ releasedAt }) => releasedAt === undefined);
  await seats.recount(customer, stream, { counted, taken: taken.length });
  const due = taken.filter((seat) => isLookedAt(seat, at));
  const found = await machines.enrolledMany(due.map(({ machine }) => machine));
  const known = new Map(found.map((machine) => [machine.machine, presenceOf(machine)]));
  const abandoned = due.filter((seat) => isAbandoned(inSeconds(seat), known.get(seat.machine), at));
  for (const seat of abandoned) await seats.release(seat, now);
  return abandoned.length;
}

/**
 * Whether a seat's machine is read at this hour: an old seat's once a day, so that a million of them are no million reads an hour; a new
 * one's each hour, since an ephemeral machine may be gone already.
 */
function isLookedAt({ machine, seatedAt }: Seat, at: number): boolean {
  const hourOfDay = Math.floor(at / hour) % 24;
  return (
    at - seatedAt / 1000 < 2 * day || createHash("sha256").update(machine).digest().readUInt8(0) % 24 === hourOfDay
  );
}

function inSeconds({ seatedAt, releasedAt }: Seat): SeatHold {
  const seconds = (millis: number) => Math.floor(millis / 1000);
  return { seatedAt: seconds(seatedAt), ...(releasedAt !== undefined && { releasedAt: seconds(releasedAt) }) };
}
