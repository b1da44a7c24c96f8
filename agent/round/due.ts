import type { HostFacts } from "../../protocol/wire/host.ts";
import { hasNews, heldPatches, reportedOf } from "../facts/gather.ts";
import type { PatchesStore } from "../state/patches.ts";
import { longestAhead, type Session, timeOf } from "../state/session.ts";

const hour = 3600;
/** Without a verified plan for so long the agent checks in whatever a poll says; seconds. */
const checkInAfter = 24 * hour;
/** And after so long it is stale: what is applied stays, and somebody should look. */
const staleAfter = 30 * hour;
/** The agent's own bounds on the interval that the service directs, in seconds. */
const [shortestPoll, longestPoll] = [60, 6 * hour];
const firstRetry = 30;

/** Why the service must be told again without a poll; undefined where a poll will do. `now` in seconds, not before the floor. */
export function whyCheckIn(
  session: Session,
  facts: HostFacts,
  patches: Pick<PatchesStore, "all" | "holds">,
  now: number,
): string | undefined {
  if (session.ticket === null || session.plan === null) return "no ticket";
  if (now >= session.plan.checkInBy) return "the plan's time to check in";
  if (now - session.verifiedAt >= checkInAfter) return "no verified plan for a day";
  if (session.verifiedAt - now > longestAhead) return "the last plan is from the future";
  return hasNews(session.reported, reportedOf(facts, heldPatches(patches))) ? "this host changed" : undefined;
}

/** When the service must be told again whatever a poll says, if nothing changes here; seconds since the epoch. */
export function checkInDue({ plan, verifiedAt }: Pick<Session, "plan" | "verifiedAt">): number {
  return Math.min(plan?.checkInBy ?? 0, verifiedAt + checkInAfter);
}

/** Whether the agent has been without a verified plan for too long. A 204 never helps; a plan carried by hand does. */
export function isStale(
  session: Pick<Session, "verifiedAt" | "floor" | "hasBoundedFloor" | "offlinePlan">,
  now: number,
): boolean {
  const { verifiedAt, offlinePlan } = session;
  const time = timeOf(session, now);
  return time - verifiedAt >= staleAfter && time >= (offlinePlan?.exp ?? 0);
}

/** Seconds until the next poll: what the service directs, within the agent's bounds, spread by 10 %. */
export function pollDelay(directed: number, random: number): number {
  const bounded = Math.min(Math.max(directed, shortestPoll), longestPoll);
  return bounded * (0.9 + 0.2 * random);
}

/** Seconds until a check-in that is due in `due` seconds: not before, no sooner than the shortest interval, spread by 10 %. */
export function untilCheckIn(due: number, random: number): number {
  return Math.max(due, shortestPoll) * (1 + 0.1 * random);
}

/**
 * Seconds until the next try after `failures` in a row: doubling up to the interval, widely spread, never before `retryAfter`. What all
 * were told at once, at the moment of an overload, is spread over as long again.
 */
export function retryDelay(failures: number, interval: number, random: number, retryAfter = 0): number {
  const delay = Math.min(interval, firstRetry * 2 ** Math.min(failures - 1, 20));
  return Math.max(delay * (0.5 + random), Math.min(retryAfter, longestPoll) * (1 + random));
}
