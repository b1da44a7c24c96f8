import { isGone, type Presence } from "./liveness.ts";

const day = 86_400;

/** A customer's right to a stream, as the decisions see it. Times are seconds since the epoch; `endsAt` null has no end. */
export type Term = { endsAt: number | null; graceDays: number; revokedAt?: number | undefined };

/**
 * What a term is worth: `active`; `grace`, past its end and still served; `ended`; `revoked`, ended at once by whoever granted it.
 * A machine keeps what is applied, and hears of recalls, in each of them.
 */
export type Standing = "active" | "grace" | "ended" | "revoked";

/** Until when new patches come, in seconds since the epoch; null where there is no end. A revocation knows no grace. */
export function entitledUntil({ endsAt, graceDays, revokedAt }: Term): number | null {
  const served = endsAt === null ? null : endsAt + graceDays * day;
  if (revokedAt === undefined) return served;
  return served === null ? revokedAt : Math.min(revokedAt, served);
}

/** @param now seconds since the epoch */
export function standingOf(term: Term, now: number): Standing {
  const until = entitledUntil(term);
  if (until === null || now < until) return term.endsAt === null || now < term.endsAt ? "active" : "grace";
  return until === term.revokedAt ? "revoked" : "ended";
}

/** One machine's hold on one of a stream's seats. Times are seconds since the epoch. */
export type SeatHold = { seatedAt: number; releasedAt?: number | undefined };

/** Whether a seat is to be taken back from its machine: one that is not known any more, or is gone. */
export function isAbandoned(seat: SeatHold, machine: Presence | undefined, now: number): boolean {
  if (seat.releasedAt !== undefined) return false;
  // What took a seat was there at that time
  return machine === undefined || isGone({ ...machine, seenAt: Math.max(machine.seenAt, seat.seatedAt) }, now);
}

/** How many machines held a seat at some time of a month. `month` is `2026-11`, in UTC. */
export function seatsUsed(seats: readonly SeatHold[], month: string): number {
  const from = Date.parse(`${month}-01T00:00:00Z`) / 1000;
  const until = startOfNext(month);
  return seats.filter(({ seatedAt, releasedAt }) => seatedAt < until && (releasedAt ?? until) >= from).length;
}

/** The month of a moment, `2026-11`, in UTC. */
export function monthOf(now: number): string {
  return new Date(now * 1000).toISOString().slice(0, 7);
}

function startOfNext(month: string): number {
  const [year = 0, number = 0] = month.split("-").map(Number);
  return Date.UTC(year, number, 1) / 1000;
}
