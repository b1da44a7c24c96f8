import { z } from "zod";
import { TroubleView } from "./customer.ts";
import { Instant, PatchId } from "./names.ts";
import { HoldReason } from "./plan.ts";

/** `GET /v1/customers/{customer}/machines/{machine}/explain`: why a machine does or does not get a patch. */
export const Explanation = z.object({
  patch: PatchId,
  verdict: z.enum(["apply", "there", "withdrawn", "superseded", "replaced", "unknown", ...HoldReason.options]),
  sentence: z.string(),
  changesAt: Instant.nullable().describe("When time alone changes it; null where it takes somebody's doing"),
  trouble: TroubleView.optional().describe("Came on this machine while the patch was in, and counts as its failure"),
});
export type Explanation = z.infer<typeof Explanation>;
