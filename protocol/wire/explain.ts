import { z } from "zod";
import { TroubleView } from "./customer.ts";
import { Instant, PatchId } from "./names.ts";
import { PartlyApplied } from "./partial.ts";
import { HoldReason } from "./plan.ts";

/** `GET /v1/customers/{customer}/machines/{machine}/explain`: why a machine does or does not get a patch. */
export const Explanation = z.object({
  patch: PatchId,
  verdict: z.enum(["apply", "there", "withdrawn", "superseded", "replaced", "unknown", ...HoldReason.options]),
  sentence: z.string(),
  changesAt: Instant.nullable().describe("When time alone changes it; null where it takes somebody's doing"),
  trouble: TroubleView.optional().describe("Came on this machine while the patch was in, and counts as its failure"),
  partial: PartlyApplied.extend({ detail: z.string() })
    .optional()
    .describe("Some processes of the machine lack it; absent where all have it"),
});
export type Explanation = z.infer<typeof Explanation>;

/** What each verdict means, for people. */
export const sentences: Record<Explanation["verdict"], string> = {
  unknown: "There is no such patch in the customer's channels.",
  apply: "It is about to be applied: the machine gets it at its next check-in.",
  there: "It is applied.",
  withdrawn: "The vendor withdrew it; where it is applied it is undone.",
  superseded: "The vendor no longer offers it.",
  replaced: "A newer patch takes its place.",
  cloned: "Two hosts answer to the machine's identity: enrol one of them anew.",
  "held-by-host": "An administrator of the host holds it there; that goes before every plan.",
  "not-entitled": "No running subscription covers its channel.",
  "no-variant": "Nothing that runs on the machine is what it is for.",
  quarantined: "It was undone there because a health check failed, and is not tried again.",
  "held-for-everyone": "It is held for everyone until the vendor answers.",
  "vendor-stopped": "The operator stopped its vendor: nothing of it is applied anew until the stop is lifted.",
  "recall-kept": "It was withdrawn, and the machine's policy keeps it until a person decides.",
  "rollout-halted": "Its rollout is halted or aborted.",
  "failed-before": "It failed there, and is tried again an hour later.",
  "stalled-before":
    "Tasks stayed in the old code for its whole deadline; it is tried again a quarter of an hour later.",
  "kernel-not-booted": "It is for the kernel that is installed: reboot into it.",
  "kernel-ended": "The vendor makes no patches for the running kernel any more: boot one that is looked after.",
  pinned: "A pin keeps it out.",
  "no-seat": "Every seat of the subscription is taken by another machine.",
  "report-only": "The machine's policy only reports.",
  "awaiting-approval": "The machine's policy asks first, and nobody approved the rollout yet.",
  "wave-not-open": "The machine is in a later wave of the rollout.",
  "outside-window": "No maintenance window is open.",
  "waiting-for-requirement": "It needs another patch first, which the machine does not get now.",
};
