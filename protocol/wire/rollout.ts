import { z } from "zod";
import { Instant, Name, PatchId } from "./names.ts";
import { Policy, Wave } from "./policy.ts";

const Weighed = z.object({
  attempts: z.number().int(),
  failures: z.number().int(),
  lowerBound: z.number().describe("Of the share that fails: the lower end of the 95 % interval"),
});

/** A customer's rollout of a patch, with what became of it: while it runs the state of things, after its end the review. */
export const RolloutView = z.object({
  customer: Name,
  patch: PatchId,
  state: z.enum(["running", "halted", "aborted", "done"]),
  wave: z.number().int().describe("The wave that is open, from 1 on"),
  waves: z.array(Wave),
  failureLimit: z.number(),
  onHalt: Policy.shape.onHalt,
  undoing: z.boolean().describe("Machines that have the patch take it out"),
  approvedBy: z.string().optional(),
  machines: z.object({
    applied: z.number().int(),
    partial: z
      .number()
      .int()
      .default(0)
      .describe(
        "Applied, but not in every process: they have tried, and are evidence neither for the patch nor against it",
      ),
    failed: z.number().int(),
    undoing: z.number().int(),
    undone: z.number().int(),
    skipped: z.number().int(),
    causes: z.record(z.string(), z.number().int()).describe("Failures by cause"),
  }),
  gate: z
    .object({
      openedAt: Instant,
      bakesUntil: Instant.describe("Until then the open wave is watched, whatever happens"),
      machines: z
        .number()
        .int()
        .describe("That the patch fits, in the open waves; 0 for the moment after a wave was opened by hand"),
      tried: z.number().int(),
      wanted: z.number().int().describe("How many must have tried before the next wave opens"),
      rollout: Weighed.describe("Less the failures that a person forgave by resuming it"),
      wave: Weighed.describe("Those that tried since the wave opened, or was resumed"),
    })
    .describe("The numbers that a halt and the next wave depend on"),
  history: z.array(
    z.object({
      at: Instant,
      what: z.enum(["started", "wave", "halted", "resumed", "skipped", "aborted", "approved", "done", "note"]),
      by: z.string(),
      wave: z.number().int(),
      minutes: z.number().describe("Since the start"),
      detail: z.string(),
    }),
  ),
});
export type RolloutView = z.infer<typeof RolloutView>;
export const RolloutList = z.object({ rollouts: z.array(RolloutView), cursor: z.string().optional() });

/** `POST /v1/customers/{customer}/rollouts/{vendor}/{product}/{channel}/{patch}` */
export const RolloutDecision = z.strictObject({
  do: z
    .enum(["approve", "halt", "resume", "skip", "abort", "note"])
    .describe("skip: open the next wave now. abort: end it for good"),
  undo: z
    .boolean()
    .optional()
    .describe("With halt and abort: take it out where it is applied; else as the policy says"),
  note: z.string().max(500).optional(),
});
export type RolloutDecision = z.infer<typeof RolloutDecision>;

/** `PUT /v1/vendors/{vendor}/patches/{product}/{channel}/{patch}/hold`: the vendor stops a patch for everyone, or answers. */
export const PatchHoldTerms = z.strictObject({
  held: z.boolean(),
  answer: z.string().min(1).max(500).describe("Why, for the customers"),
});
export const PatchHoldView = z.object({
  patch: PatchId,
  held: z.boolean(),
  byVendor: z.boolean(),
  halts: z.number().int().describe("How many customers' rollouts halted since the vendor answered last; three hold it"),
  answer: z.string().optional(),
});
export type PatchHoldView = z.infer<typeof PatchHoldView>;
