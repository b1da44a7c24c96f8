import type { Ticket } from "./ticket.ts";

/**
 * The one record of recent changes. `epoch` counts changes; a scope's epoch is that of its last change; what is older than
 * `floor` has been forgotten.
 */
export type ChangeRecord = {
  epoch: number;
  floor: number;
  scopes: Readonly<Record<string, { epoch: number; at: number }>>;
};

/** The record before the first change. */
export const unchanged: ChangeRecord = { epoch: 0, floor: 0, scopes: {} };

/** Whether one of the scopes has changed after `epoch`, or may have: what is older than the floor is not known any more. */
export function isChangedSince(epoch: number, scopes: readonly string[], record: ChangeRecord): boolean {
  return epoch < record.floor || scopes.some((scope) => (record.scopes[scope]?.epoch ?? 0) > epoch);
}

/** No ticket lasts longer, in seconds: a day, with the jitter and a tolerance of clocks (design: "Poll and ticket"). */
const longestCheckIn = 26 * 3600;

export type PollDecision = "nothing-new" | "check-in" | "read-again";

/**
 * Decides a poll from the ticket and the record in memory. `read-again` means that the ticket has seen more than the record.
 * @param now seconds since the epoch
 */
export function decidePoll(ticket: Ticket, record: ChangeRecord, now: number): PollDecision {
  // made while this clock was ahead, it would keep its machine from checking in for as long as that
  if (now >= ticket.checkInBy || ticket.checkInBy > now + longestCheckIn) return "check-in";
  if (ticket.epoch > record.epoch) return "read-again";
  return isChangedSince(ticket.epoch, ticket.scopes, record) ? "check-in" : "nothing-new";
}
