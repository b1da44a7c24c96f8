import { createHash } from "node:crypto";
import { presenceOf } from "../control.ts";
import { isAbandoned, monthOf, type SeatHold, seatsUsed } from "../domain/entitlement.ts";
import type { CustomersStore } from "../stores/customers.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { collect } from "../stores/page.ts";
import type { ProgressStore } from "../stores/progress.ts";
import type { Seat, SeatsStore } from "../stores/seats.ts";
import type { Subscription, SubscriptionsStore } from "../stores/subscriptions.ts";
import type { UsageStore } from "../stores/usage.ts";

export type SeatsDeps = {
  customers: CustomersStore;
  subscriptions: SubscriptionsStore;
  machines: Pick<MachinesStore, "enrolledMany">;
  seats: SeatsStore;
  usage: UsageStore;
  progress: ProgressStore;
};
/** What was found of a subscription's seats so far: how many the count said at first, how many are taken, and were used, by month. */
type Sums = { counted: number; taken: number; used: Record<string, number> };
/** Where the job goes on: a subscription, and where it was begun the page of its seats and the sums so far. */
type Place = { customer: string; stream: string; begun?: { cursor: string; sums: Sums } };

const job = "seats";
/** Seats that one run reads; the function has five minutes, and a page of a thousand takes some hundredths of a second. */
export const seatsPerRun = 500_000;
const pageSize = 1000;
const hour = 3600;
const day = 24 * hour;

/**
 * Counts what each subscription's seats were used for in this month, and frees those whose machines are silent, within a day. Run hourly; run
 * twice it changes nothing more. The day before counts too, so that a month's last hour is not lost. Reads a page at a time and so many
 * seats in a run; the next goes on where this one ended.
 * @param now milliseconds since the epoch
 */
export async function tendSeats({ now, ...deps }: SeatsDeps & { now: number }): Promise<{ freed: number }> {
  const { progress, revision } = await deps.progress.read(job);
  const begun = progress?.cursor === undefined ? undefined : (JSON.parse(progress.cursor) as Place);
  const save = async (place: Place | undefined) => {
    const cursor = place && JSON.stringify(place);
    await deps.progress.save(
      job,
      { of: job, count: 0, startedAt: now, ...(cursor !== undefined && { cursor }) },
      revision,
    );
  };
  let [freed, left] = [0, seatsPerRun];
  for (const { customer } of await collect((page) => deps.customers.list(page))) {
    if (begun !== undefined && customer < begun.customer) continue;
    for (const subscription of await collect((page) => deps.subscriptions.listByCustomer(customer, page))) {
      const { stream } = subscription;
      if (customer === begun?.customer && stream < begun.stream) continue;
      if (left <= 0) {
        await save({ customer, stream });
        return { freed };
      }
      const from = begun?.customer === customer && begun.stream === stream ? begun.begun : undefined;
      const done = await tendSubscription(subscription, { ...deps, from, most: left }, now);
      freed += done.freed;
      left -= done.read;
      if (done.place !== undefined) {
        await save(done.place);
        return { freed };
      }
    }
  }
  if (begun !== undefined) await save(undefined);
  return { freed };
}

type Slice = Pick<SeatsDeps, "machines" | "seats" | "usage"> & { from: Place["begun"]; most: number };

/** @returns how many seats it freed and read, and its place where there are more */
async function tendSubscription(
  { customer, stream, seats: granted }: Subscription,
  { machines, seats, usage, from, most }: Slice,
  now: number,
): Promise<{ freed: number; read: number; place?: Place }> {
  const at = Math.floor(now / 1000);
  const months = [...new Set([monthOf(at - day), monthOf(at)])];
  const sums: Sums = from?.sums ?? {
    counted: await seats.taken(customer, stream),
    taken: 0,
    used: Object.fromEntries(months.map((month) => [month, 0])),
  };
  const abandoned: Seat[] = [];
  let cursor = from?.cursor;
  let read = 0;
  do {
    const page = await seats.list(customer, stream, { limit: pageSize, cursor });
    read += page.items.length;
    for (const month of Object.keys(sums.used))
      sums.used[month] = (sums.used[month] ?? 0) + seatsUsed(page.items.map(inSeconds), month);
    const taken = page.items.filter(({ releasedAt }) => releasedAt === undefined);
    sums.taken += taken.length;
    const due = taken.filter((seat) => isLookedAt(seat, at));
    const found = await machines.enrolledMany(due.map(({ machine }) => machine));
    const known = new Map(found.map((machine) => [machine.machine, presenceOf(machine)]));
    abandoned.push(...due.filter((seat) => isAbandoned(inSeconds(seat), known.get(seat.machine), at)));
    cursor = page.cursor;
  } while (cursor !== undefined && read < most);
  if (cursor === undefined) {
    for (const [month, used] of Object.entries(sums.used))
      if (used > 0) await usage.record({ customer, stream, month, machines: used, seats: granted, countedAt: now });
    // A claim that is between its count and its seat in this very moment is overlooked, and counted by the next run. What was read over
    // hours is no count of any moment
    if (from === undefined && read > 0) await seats.recount(customer, stream, sums);
  }
  for (const seat of abandoned) await seats.release(seat, now);
  return {
    freed: abandoned.length,
    read,
    ...(cursor !== undefined && { place: { customer, stream, begun: { cursor, sums } } }),
  };
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
