import { z } from "zod";
import { Instant, PatchId } from "./names.ts";
import { HoldReason } from "./plan.ts";

/** `GET /v1/customers/{customer}/machines/{machine}/explain`: why a machine does or does not get a patch. */
export const Explanation = z.object({
  patch: PatchId,
  verdict: z.enum(["apply", "there", "withdrawn", "superseded", "replaced", "unknown", ...HoldReason.options]),
  sentence: z.string(),
  changesAt: Instant.nullable().describe("When time alone changes it; null where it takes somebody's doing"),
});
export type Explanation = z.infer<typeof Explanation>;
