import { z } from "zod";
import type { Code } from "../errors.ts";

/** What a machine meets that is not what was signed for it, or not any more. */
const codes = [
  "untrusted-metadata",
  "metadata-expired",
  "mirror-stale",
  "rollback-detected",
  "wrong-machine",
  "plan-invalid",
  "counter-behind",
  "recalled",
  "not-applicable",
] as const satisfies Code[];

/**
 * What a machine refused as a whole: a plan, a repository's metadata, a release of the agent. That it refused one patch, a receipt
 * says. Times are seconds since the epoch, by the machine's clock.
 */
export const Refusal = z.strictObject({
  of: z.enum(["plan", "metadata", "release"]),
  /** whose metadata (`service` or a vendor), or which release; empty for a plan */
  name: z.string().max(64),
  code: z.enum(codes),
  detail: z.string().max(500),
  since: z.number().int(),
  /** when it was met last; one that goes on is noted once an hour */
  last: z.number().int(),
  /** when the same was verified again; absent while it goes on */
  over: z.number().int().optional(),
});
export type Refusal = z.infer<typeof Refusal>;

/** The newest that a machine met, first; it forgets each a week after it met it last. */
export const Refusals = z.array(Refusal).max(8);
export type Refusals = z.infer<typeof Refusals>;

/** What was refused, in words. */
export function refusedThing({ of, name }: Pick<Refusal, "of" | "name">): string {
  if (of === "plan") return "a plan";
  if (of === "release") return `release ${name} of the agent`;
  return name === "service" ? "the service's metadata" : `${name}'s metadata`;
}

/** Whether a machine refuses something at the moment. */
export function isRefusing(refusals: readonly { over?: unknown }[] | undefined): boolean {
  return refusals?.some(({ over }) => over === undefined) ?? false;
}
