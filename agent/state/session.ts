import { join } from "node:path";
import { z } from "zod";
import { PatchId } from "../../protocol/wire/names.ts";
import { HoldReason } from "../../protocol/wire/plan.ts";
import { type JsonFile, jsonFile } from "./json-file.ts";

const Seconds = z.number().int();

/** What the agent remembers between rounds. Times are seconds since the epoch. */
export const Session = z.strictObject({
  /** of the last check-in that may have been sent */
  counter: z.number().int().min(0),
  /** no earlier than this is it now, whatever the clock says: the latest `iat` of a verified plan */
  floor: Seconds,
  /** when the last plan was verified; at first, when the host was enrolled */
  verifiedAt: Seconds,
  ticket: z.string().nullable(),
  plan: z
    .strictObject({
      seq: z.number().int(),
      exp: Seconds,
      checkInBy: Seconds,
      holds: z.array(z.strictObject({ patch: PatchId, because: HoldReason, since: Seconds.optional() })),
    })
    .nullable(),
  /** what the service was last told, to know when it must be told again */
  reported: z.strictObject({ digest: z.string(), builds: z.array(z.string()) }).nullable(),
  /** when a plan last undid a patch by policy */
  policyUndoAt: Seconds,
});
export type Session = z.infer<typeof Session>;

/** The session's file. */
export function sessionFile(directory: string): JsonFile<Session> {
  return jsonFile(join(directory, "session.json"), Session);
}

/** The session of a host that was enrolled now. */
export function newSession(now: number): Session {
  return { counter: 0, floor: 0, verifiedAt: now, ticket: null, plan: null, reported: null, policyUndoAt: 0 };
}
