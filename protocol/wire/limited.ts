import { z } from "zod";
import { PatchId } from "./names.ts";

/**
 * What a host will do, and not yet: its own limit, which protects it from orders that nobody can check, is used up. No sign of anything
 * wrong. `until` in seconds since the epoch, by the machine's clock.
 */
const Limited = z.strictObject({ limit: z.enum(["policy-undo"]), patch: PatchId, until: z.number().int() });

/** Everything that waits for a limit at the moment. */
export const AllLimited = z.array(Limited).max(16);
export type AllLimited = z.infer<typeof AllLimited>;

/** What waits for a limit, in words. */
export function limitLine({ patch, until }: AllLimited[number]): string {
  return `undo of ${patch}: this host's own limit on undos by policy ends ${new Date(until * 1000).toISOString()}`;
}
