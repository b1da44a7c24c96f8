import { join } from "node:path";
import { z } from "zod";
import { PatchId } from "../../protocol/wire/names.ts";
import { HoldReason } from "../../protocol/wire/plan.ts";
import { type JsonFile, jsonFile } from "./json-file.ts";

const Seconds = z.number().int();

/** What the agent remembers between rounds. Times are seconds since the epoch. */
export const Session = z.object({
  /** of the last check-in that may have been sent */
  counter: z.number().int().min(0),
  /** no earlier than this is it now, whatever the clock says: the latest `iat` of a verified plan. Read it with `timeOf` */
  floor: Seconds,
  /** whether the floor was raised within the bound of `longestAhead`; an earlier release knew none */
  hasBoundedFloor: z.boolean().default(false),
  /** when the last plan was verified; at first, when the host was enrolled */
  verifiedAt: Seconds,
  ticket: z.string().nullable(),
  plan: z
    .object({
      seq: z.number().int(),
      exp: Seconds,
      checkInBy: Seconds,
      holds: z.array(z.object({ patch: PatchId, because: HoldReason, since: Seconds.optional() })),
    })
    .nullable(),
  /** what the service was last told, to know when it must be told again */
  reported: z
    .object({
      digest: z.string(),
      builds: z.array(z.string()),
      /** what was left out of it, where not all that runs was reported */
      unreported: z.string().optional(),
    })
    .nullable(),
  /** where the last plan says that the agents' API is, and how many rounds in a row have failed there */
  agentApi: z.object({ url: z.url(), failures: z.number().int() }).nullable().default(null),
  /** since when the service has not answered; null while it does */
  awaySince: Seconds.nullable().default(null),
  /** why the last round failed, and how many in a row have; null where it did not */
  failed: z.object({ code: z.string(), detail: z.string(), times: z.number().int() }).nullable().default(null),
  /** what is wrong with the mirror that was read last, and since when; null where nothing is */
  mirrorTrouble: z.object({ code: z.string(), detail: z.string(), since: Seconds }).nullable().default(null),
  /** the plan that was carried here last: when it was made, and until when this host is not stale with it */
  offlinePlan: z.object({ iat: Seconds, exp: Seconds }).nullable().default(null),
  /** when a plan last undid a patch by policy */
  policyUndoAt: Seconds,
});
export type Session = z.infer<typeof Session>;

/** The session's file. */
export function sessionFile(directory: string): JsonFile<Session> {
  return jsonFile(join(directory, "session.json"), Session);
}

/**
 * How far beyond this host's clock the floor may be raised, in seconds. A service whose clock was ahead once has signed plans from the
 * future: without a bound every later plan, and all metadata, would look expired for as long as that was.
 */
export const longestAhead = 86_400;

/**
 * What time it is: the clock's, or the floor's where that is later, as on a host whose clock was set back. A floor that an earlier
 * release raised without the bound counts within it. Seconds since the epoch, as `clock`.
 */
export function timeOf({ floor, hasBoundedFloor }: Pick<Session, "floor" | "hasBoundedFloor">, clock: number): number {
  return Math.max(clock, hasBoundedFloor ? floor : Math.min(floor, clock + longestAhead));
}

/** The floor after a plan made at `iat` was verified: never lower than before, and raised no further than the bound. */
export function raisedFloor(
  { floor, hasBoundedFloor }: Pick<Session, "floor" | "hasBoundedFloor">,
  iat: number,
  clock: number,
): number {
  const bound = clock + longestAhead;
  return Math.max(hasBoundedFloor ? floor : Math.min(floor, bound), Math.min(iat, bound));
}

/** The session of a host that was enrolled now. */
export function newSession(now: number): Session {
  return {
    counter: 0,
    floor: 0,
    hasBoundedFloor: true,
    verifiedAt: now,
    ticket: null,
    plan: null,
    reported: null,
    agentApi: null,
    awaySince: null,
    failed: null,
    mirrorTrouble: null,
    offlinePlan: null,
    policyUndoAt: 0,
  };
}

/** After so many failed rounds the address that a plan gave for the agents' API is left for the service's own name. */
const failuresBeforeReturn = 3;

/** Whether that address is still to be used after so many failed rounds. */
export function isDirected(failures: number): boolean {
  return failures < failuresBeforeReturn;
}

/** Where the agents' API is now; undefined is the service's own name. */
export function agentApiOf({ agentApi }: Session): string | undefined {
  return agentApi !== null && isDirected(agentApi.failures) ? agentApi.url : undefined;
}
